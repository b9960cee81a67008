/** Where things lie in the bucket. */

export const blobKey = (sha256: string): string => `objects/sha256/${sha256}`;

const runFolder = (run: string): string => `runs/${run}`;
export const runKey = (run: string, name: string): string => `${runFolder(run)}/${name}`;
export const walPrefix = (run: string): string => `${runFolder(run)}/wal/`;
export const manifestKey = (run: string): string => runKey(run, "manifest.json");
export const signatureKey = (run: string): string => runKey(run, "manifest.dsse.json");
export const trialKey = (run: string, trial: number, name: string): string =>
  runKey(run, `trials/${trial}/${name}`);
