import { access, constants, stat } from "node:fs/promises";
import { dirname, isAbsolute } from "node:path";
import type { ExperimentSpec } from "../../workflows/contracts";
import { isHubId, unpinned } from "../../workflows/contracts/experiment/hub-model";
import type { SpecIssue, SpecPath } from "../../workflows/contracts/experiment/normalize";
import { foreignOutput } from "../adapters/export";

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

export const isLocalModel = (name: string): boolean => isAbsolute(name);

/** What only the machine can tell: are the named files there, and are hub models pinned? */
export async function checkInputs(spec: ExperimentSpec): Promise<SpecIssue[]> {
  const issues: SpecIssue[] = [];
  for (const { at, path } of inputFiles(spec)) {
    const problem = await problemWith(path);
    if (problem) issues.push({ path: at, message: problem });
  }
  const { model_name_or_path: model } = spec.model;
  if (!isLocalModel(model)) {
    const problem = isHubId(model)
      ? unpinned(spec.model)
      : { path: ["model", "model_name_or_path"], message: relative(model) };
    if (problem) issues.push(problem);
  }
  const { export_dir: exportDir, merge } = spec.output;
  if (exportDir !== null) {
    const problem = isAbsolute(exportDir)
      ? ((await unwritable(exportDir)) ??
        (await foreignOutput(exportDir, merge === "none" ? ["adapter"] : ["adapter", "merged"])))
      : relative(exportDir);
    if (problem) issues.push({ path: ["output", "export_dir"], message: problem });
  }
  return issues;
}

/** Why nothing can be written to a folder that may not be there yet: known before hours of training, not after. */
async function unwritable(folder: string): Promise<string | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    const entry = await stat(at).catch((error: NodeJS.ErrnoException) => error.code ?? "ENOENT");
    if (entry === "ENOENT" && at !== dirname(at)) continue;
    if (typeof entry === "string") return `${at} cannot be entered (${entry})`;
    if (!entry.isDirectory()) return `${at} is not a folder`;
    const denied = await access(at, constants.W_OK).catch(
      (error: NodeJS.ErrnoException) => error.code ?? "EACCES",
    );
    return denied ? `${at} cannot be written to (${denied})` : undefined;
  }
}

async function problemWith(path: string): Promise<string | undefined> {
  if (!isAbsolute(path)) return relative(path);
  const entry = await stat(path).catch((error: NodeJS.ErrnoException) => error.code ?? "ENOENT");
  if (typeof entry === "string")
    return entry === "ENOENT" ? `no such file: ${path}` : `${path} cannot be read (${entry})`;
  if (!entry.isFile()) return `${path} is not a file`;
  if (entry.size === 0) return `${path} is empty`;
  const denied = await access(path, constants.R_OK).catch(
    (error: NodeJS.ErrnoException) => error.code ?? "EACCES",
  );
  if (denied) return `${path} cannot be read (${denied})`;
  return undefined;
}

const relative = (path: string): string =>
  `${path} is a relative path, and a worker does not know from where; give an absolute one, or start the file with \`belay run\``;
