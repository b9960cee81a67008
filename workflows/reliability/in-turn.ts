/**
 * Makes calls one after the other, in the order in which they were asked for.
 *
 * Local activities that are under way together end in an order that a replay does not repeat: what the workflow does
 * next would then depend on it, and the replay fail as non-deterministic. One at a time, there is only one order.
 */
export class Turns {
  private last: Promise<unknown> = Promise.resolve();

  /** The same activities, each call waiting for its turn. A failed call does not hold up the next. */
  of<Activities extends object>(activities: Activities): Activities {
    return new Proxy(activities, {
      get: (target, name) => {
        const call = Reflect.get(target, name) as (...args: unknown[]) => Promise<unknown>;
        return (...args: unknown[]) => {
          const turn = this.last.then(() => call(...args));
          this.last = turn.catch(() => undefined);
          return turn;
        };
      },
    });
  }
}
