/** Where something sits in an experiment: keys and list positions from the top. */
export type SpecPath = (string | number)[];

/** One thing that is wrong with an experiment, at the path where its author wrote it. */
export interface SpecIssue {
  path: SpecPath;
  message: string;
  /** A known option that this version refuses; everything else is a mistake. */
  unsupported?: true;
}

export const formatSpecPath = (path: SpecPath): string => path.join(".");

/** `path: message`, one line each. */
export const formatSpecIssues = (issues: readonly SpecIssue[]): string =>
  issues
    .map(({ path, message }) => (path.length === 0 ? message : `${formatSpecPath(path)}: ${message}`))
    .join("\n");
