/** Where something sits in an experiment: keys and list positions from the top. */
export type SpecPath = (string | number)[];

/** One thing that is wrong with an experiment, located by path. */
export interface SpecIssue {
  path: SpecPath;
  message: string;
}

/** The same, located in what the person wrote. */
export interface LocatedIssue extends SpecIssue {
  /** The file as the person named it, or the `--set` option that the value came from. */
  source: string;
  line: number | null;
  column: number | null;
}

export const formatPath = (path: SpecPath): string => path.join(".");

/** `file:line:col path: message`, leaving out what is not known. */
export function formatIssue({ source, line, column, path, message }: LocatedIssue): string {
  const place = line === null ? source : `${source}:${line}:${column ?? 1}`;
  return path.length === 0 ? `${place}: ${message}` : `${place} ${formatPath(path)}: ${message}`;
}

/** Everything that is wrong with an experiment, all at once. */
export class InvalidExperimentError extends Error {
  override readonly name = "InvalidExperimentError";

  constructor(readonly issues: readonly LocatedIssue[]) {
    super(issues.map(formatIssue).join("\n"));
  }
}
