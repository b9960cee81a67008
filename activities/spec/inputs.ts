import { stat } from "node:fs/promises";
import { isAbsolute } from "node:path";
import type { ExperimentSpec } from "../../workflows/contracts";
import type { SpecIssue, SpecPath } from "../../workflows/contracts/experiment/normalize";

export interface InputFile {
  at: SpecPath;
  path: string;
}

/** Every local file that an experiment reads, besides its base model. */
export function inputFiles({ dataset }: ExperimentSpec): InputFile[] {
  const files: InputFile[] = [];
  if (typeof dataset.path === "string") files.push({ at: ["dataset", "path"], path: dataset.path });
  else
    for (const [i, { path }] of dataset.path.entries())
      files.push({ at: ["dataset", "path", i, "path"], path });
  if (dataset.val_path !== null) files.push({ at: ["dataset", "val_path"], path: dataset.val_path });
  if (dataset.test_path !== null) files.push({ at: ["dataset", "test_path"], path: dataset.test_path });
  if (dataset.template !== "auto" && dataset.template !== "none")
    files.push({ at: ["dataset", "template"], path: dataset.template });
  return files;
}

const HUB_ID = /^[A-Za-z0-9][\w.-]*(\/[A-Za-z0-9][\w.-]*)?$/;
const COMMIT = /^[0-9a-f]{40}$/;

export const isLocalModel = (name: string): boolean => isAbsolute(name);

/** What only the machine can tell: are the named files there, and are hub models pinned? */
export async function checkInputs(spec: ExperimentSpec): Promise<SpecIssue[]> {
  const issues: SpecIssue[] = [];
  for (const { at, path } of inputFiles(spec)) {
    const problem = await problemWith(path);
    if (problem) issues.push({ path: at, message: problem });
  }
  const { model_name_or_path: model, revision } = spec.model;
  if (!isLocalModel(model)) {
    if (!HUB_ID.test(model)) issues.push({ path: ["model", "model_name_or_path"], message: relative(model) });
    else if (revision === null || !COMMIT.test(revision))
      issues.push({
        path: ["model", "revision"],
        message: `${model} is a hub model, which may change: pin its commit (40 hex digits), or name a local folder by its absolute path`,
      });
  }
  const { export_dir: exportDir } = spec.output;
  if (exportDir !== null && !isAbsolute(exportDir))
    issues.push({ path: ["output", "export_dir"], message: relative(exportDir) });
  return issues;
}

async function problemWith(path: string): Promise<string | undefined> {
  if (!isAbsolute(path)) return relative(path);
  const entry = await stat(path).catch((error: NodeJS.ErrnoException) => error.code ?? "ENOENT");
  if (typeof entry === "string")
    return entry === "ENOENT" ? `no such file: ${path}` : `${path} cannot be read (${entry})`;
  if (!entry.isFile()) return `${path} is not a file`;
  if (entry.size === 0) return `${path} is empty`;
  return undefined;
}

const relative = (path: string): string =>
  `${path} is a relative path, and a worker does not know from where; give an absolute one, or start the file with \`belay run\``;
