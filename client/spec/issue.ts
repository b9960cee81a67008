import { formatSpecPath, type SpecIssue } from "../../workflows/contracts/experiment/normalize";

export type { SpecIssue, SpecPath } from "../../workflows/contracts/experiment/normalize";

/** One thing that is wrong with an experiment, located in what the person wrote. */
export interface LocatedIssue extends SpecIssue {
  /** The file as the person named it, or the `--set` option that the value came from. */
  source: string;
  line: number | null;
  column: number | null;
}

/** `file:line:col path: message`, leaving out what is not known. */
export function formatIssue({ source, line, column, path, message }: LocatedIssue): string {
  const place = line === null ? source : `${source}:${line}:${column ?? 1}`;
  return path.length === 0 ? `${place}: ${message}` : `${place} ${formatSpecPath(path)}: ${message}`;
}

/** Everything that is wrong with an experiment, all at once. */
export class InvalidExperimentError extends Error {
  override readonly name = "InvalidExperimentError";

  constructor(readonly issues: readonly LocatedIssue[]) {
    super(issues.map(formatIssue).join("\n"));
  }
}
