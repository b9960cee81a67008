import type { TrialEndState, TrialOutcome } from "../contracts/trial";

export interface UnfinishedEnd {
  state: TrialEndState;
  error: { type: string; message: string } | null;
}

/** The outcome of a trial that brought nothing. */
export const unfinishedOutcome = (trial: number, end: UnfinishedEnd): TrialOutcome => ({
  trial,
  state: end.state,
  value: null,
  step: 0,
  metrics: {},
  trainableParams: null,
  gpuSeconds: 0,
  checkpoint: null,
  adapter: null,
  adapterSha256: null,
  error: end.error,
});
