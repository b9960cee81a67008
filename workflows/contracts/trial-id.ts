/** A trial's workflow id, which is also the subject of its jobs, checkpoints and metrics. */
export const trialId = (run: string, trial: number): string => `${run}/trial-${trial}`;

/** Run and number of a trial's id; undefined for any other. */
export function parseTrialId(id: string): { run: string; trial: number } | undefined {
  const [, run, trial] = /^(.+)\/trial-(\d+)$/.exec(id) ?? [];
  return run === undefined ? undefined : { run, trial: Number(trial) };
}
