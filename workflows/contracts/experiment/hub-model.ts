import type { SpecIssue } from "./issue";
import type { ModelSpec } from "./model";

const HUB_ID = /^[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*)?$/;
const COMMIT = /^[0-9a-f]{40}$/;

/** Whether a model's name can be that of a hub repository, `owner/name` or `name`. */
export const isHubId = (name: string): boolean => HUB_ID.test(name);

/** A hub repository changes under its name; a run must be able to find the same weights again. */
export function unpinned({ model_name_or_path: model, revision }: ModelSpec): SpecIssue | undefined {
  if (revision !== null && COMMIT.test(revision)) return undefined;
  return {
    path: ["model", "revision"],
    message: `${model} is a hub model, which may change: pin its commit (40 hex digits, under "Files" on its page), or name a local folder`,
  };
}
