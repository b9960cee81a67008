import type { z } from "zod";

export type ZodIssue = z.core.$ZodIssue;

/**
 * zod's issues, each at the place of its cause: a union that fails is one issue to zod, however much is wrong inside
 * of the branch that was meant.
 */
export const faultsOf = (error: z.ZodError): ZodIssue[] => error.issues.flatMap(unfold);

function unfold(issue: ZodIssue): ZodIssue[] {
  const branch = issue.code === "invalid_union" ? tellingBranch(issue.errors) : undefined;
  if (!branch) return [issue];
  return branch.flatMap((each) => unfold({ ...each, path: [...issue.path, ...each.path] }));
}

/** A union's branch that failed inside its value says more than one that wanted another type altogether. */
function tellingBranch(branches: readonly (readonly ZodIssue[])[]): readonly ZodIssue[] | undefined {
  const wrongKind = (issue: ZodIssue) =>
    issue.path.length === 0 && ["invalid_type", "invalid_value", "unrecognized_keys"].includes(issue.code);
  const missing = (issue: ZodIssue) =>
    issue.path.length === 1 && issue.code === "invalid_type" && issue.input === undefined;
  return branches.find(
    (branch) => branch.length > 0 && !branch.some((each) => wrongKind(each) || missing(each)),
  );
}
