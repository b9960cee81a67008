/** From each state, the states that may follow it. A state with none is an end state. */
export type Transitions<S extends string> = { readonly [K in S]: readonly S[] };

/** A transition that no table allows: a defect of ours, never bad input. */
export class IllegalTransition extends Error {
  override readonly name = "IllegalTransition";
  constructor(machine: string, from: string, to: string) {
    super(`${machine}: no transition from ${from} to ${to}`);
  }
}

export const canMove = <S extends string>(table: Transitions<S>, from: S, to: S): boolean =>
  table[from].includes(to);

/** Holds one state; every transition passes through `to`, which reports it. */
export class Machine<S extends string> {
  constructor(
    private readonly name: string,
    private readonly table: Transitions<S>,
    private current: S,
    private readonly onMove: (from: S, to: S) => void,
  ) {}

  get state(): S {
    return this.current;
  }

  can(next: S): boolean {
    return canMove(this.table, this.current, next);
  }

  /** Moves to `next`. Staying where one is, is no transition and is not reported. */
  to(next: S): void {
    if (next === this.current) return;
    if (!this.can(next)) throw new IllegalTransition(this.name, this.current, next);
    const from = this.current;
    this.current = next;
    this.onMove(from, next);
  }
}
