import type { ExperimentSpec } from "./index";
import type { SpecIssue, SpecPath } from "./issue";

/** Options of the format that this version knows and refuses, each with what to do instead. */
export function checkSupported({ placement, output, pack }: ExperimentSpec): SpecIssue[] {
  const issues: SpecIssue[] = [];
  const refuse = (path: SpecPath, message: string) => issues.push({ path, message, unsupported: true });
  if (output.format !== "peft")
    refuse(
      ["output", "format"],
      `${output.format} cannot be exported yet; use peft, and output.merge: best for a merged folder`,
    );
  if (placement.backend === "ssh")
    refuse(["placement", "backend"], "ssh is not supported yet; leave it out, or use queue");
  if (placement.backend === "local")
    refuse(
      ["placement", "backend"],
      "local has no trainer: trials train on GPU workers, also on this machine; leave it out, or use queue",
    );
  if (placement.host !== null)
    refuse(
      ["placement", "host"],
      "a host cannot be chosen yet; leave it out, and start a GPU worker on that machine instead",
    );
  if (placement.labels.length > 0)
    refuse(["placement", "labels"], "pools cannot be chosen by label yet; leave labels out");
  if (pack.enabled === true)
    refuse(
      ["pack", "enabled"],
      "trials cannot share a batch yet; use auto, which packs where it is possible",
    );
  return issues;
}
