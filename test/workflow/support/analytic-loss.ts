/** Loss of a trial after `step` steps, before noise: known, so that every verdict can be foretold. */
export const analyticLoss = (learningRate: number, step: number): number =>
  Math.abs(Math.log10(learningRate) + 2) + 2 * Math.exp(-step / 60);
