import { describe, expect, test } from "vitest";
import { RunState, TrialState } from "../../../../workflows/contracts";
import { isRunEnded, isTrialEnded } from "../../../../workflows/contracts/states";
import {
  canMove,
  IllegalTransition,
  Machine,
  type Transitions,
} from "../../../../workflows/lifecycle/machine";
import { isCancellable, isPausable, runTransitions } from "../../../../workflows/lifecycle/run-states";
import { trialTransitions } from "../../../../workflows/lifecycle/trial-states";

const reachableFrom = <S extends string>(table: Transitions<S>, start: S): Set<S> => {
  const seen = new Set<S>([start]);
  const open = [start];
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    for (const next of table[state]) {
      if (seen.has(next)) continue;
      seen.add(next);
      open.push(next);
    }
  }
  return seen;
};

describe.each([
  { name: "run", table: runTransitions, states: RunState.options, start: "created", ended: isRunEnded },
  {
    name: "trial",
    table: trialTransitions,
    states: TrialState.options,
    start: "pending",
    ended: isTrialEnded,
  },
] as const)("the $name table", ({ table, states, start, ended }) => {
  const loose = table as Transitions<string>;
  const isEnd = (state: string) => loose[state]?.length === 0;

  test("knows every state of the contract, and no other", () => {
    expect(Object.keys(loose).sort()).toEqual([...states].sort());
  });

  test("reaches every state from the first", () => {
    expect([...reachableFrom(loose, start)].sort()).toEqual([...states].sort());
  });

  test("ends exactly where the contract says", () => {
    for (const state of states) expect(isEnd(state)).toBe((ended as (state: string) => boolean)(state));
  });

  test("lets every open state fail and be cancelled", () => {
    for (const state of states.filter((each) => !isEnd(each))) {
      expect(canMove(loose, state, "failed")).toBe(true);
      expect(canMove(loose, state, "cancelled")).toBe(true);
    }
  });

  test("a machine makes every allowed move, tells it once, and refuses every other", () => {
    for (const from of states) {
      for (const to of states) {
        const moves: string[] = [];
        const machine = new Machine<string>("any", loose, from, (a, b) => moves.push(`${a} ${b}`));
        const allowed = loose[from]?.includes(to) ?? false;
        if (from !== to && !allowed) expect(() => machine.to(to)).toThrow(IllegalTransition);
        else machine.to(to);
        expect(machine.state).toBe(allowed ? to : from);
        expect(moves).toEqual(allowed ? [`${from} ${to}`] : []);
      }
    }
  });
});

test("what may be asked of a run in each state", () => {
  const allowed = (may: (state: RunState) => boolean) => RunState.options.filter(may);
  expect(allowed(isPausable)).toEqual(["created", "running", "paused"]);
  expect(allowed(isCancellable)).toEqual(["created", "running", "paused", "finalizing"]);
});
