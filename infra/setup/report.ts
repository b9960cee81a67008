/** Takes one line on what a step does right now; a later line replaces it. */
export type Report = (line: string) => void;

export const silent: Report = () => {};

export function megabytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`;
}
