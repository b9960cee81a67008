import { parseTrialId } from "../../workflows/contracts";

/** The folder of a subject's checkpoint manifests. A trial's is named as its other outputs are. */
export function checkpointPrefix(run: string, subject: string): string {
  const trial = parseTrialId(subject);
  const rest = subject.startsWith(`${run}/`) ? subject.slice(run.length + 1) : subject;
  return `runs/${run}/${trial?.run === run ? `trials/${trial.trial}` : rest}/checkpoints/`;
}

/** Step and epoch of a manifest's key; undefined for any other object. */
export function parseCheckpointKey(key: string): { step: number; epoch: number } | undefined {
  const found = /\/(\d{8,})-(\d+)\.json$/.exec(key);
  return found ? { step: Number(found[1]), epoch: Number(found[2]) } : undefined;
}
