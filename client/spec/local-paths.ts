import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import type { ExperimentSpec } from "../../workflows/contracts";
import { isHubId, unpinned } from "../../workflows/contracts/experiment/hub-model";
import { isDecisive, isWeights, modelFolderProblem } from "../../workflows/contracts/experiment/model-folder";
import type { SpecIssue, SpecPath } from "./issue";
import { unreadable, unreadableWithin } from "./readable";
import { readSafetensorsStart } from "./safetensors-start";

/** A file or folder of this machine that the experiment reads. */
export interface LocalInput {
  path: SpecPath;
  absolute: string;
}

export interface LocalPaths {
  /** The same experiment with every local path absolute. */
  spec: ExperimentSpec;
  inputs: LocalInput[];
  issues: SpecIssue[];
}

/** Makes local paths absolute, taking relative ones from `folder`, and looks whether they are there. */
export function resolveLocalPaths(original: ExperimentSpec, folder: string): LocalPaths {
  const spec = structuredClone(original);
  const inputs: LocalInput[] = [];
  const issues: SpecIssue[] = [];
  const absolute = (written: string): string =>
    written === "~" || written.startsWith("~/")
      ? join(homedir(), written.slice(1))
      : resolve(folder, written);

  const input = (path: SpecPath, written: string, wanted: "file" | "folder"): string => {
    const found = absolute(written);
    const stat = statSync(found, { throwIfNoEntry: false });
    if (!stat) issues.push({ path, message: missing(wanted, written, found, folder) });
    else if (wanted === "file" && !stat.isFile()) issues.push({ path, message: `${found} is not a file` });
    else if (wanted === "folder" && !stat.isDirectory())
      issues.push({ path, message: `${found} is not a folder with a model in it` });
    else {
      inputs.push({ path, absolute: found });
      const problem =
        wanted === "folder" ? (unreadableWithin(found) ?? problemWithModel(found)) : unreadable(found);
      if (problem) issues.push({ path, message: problem });
    }
    return found;
  };

  const { model, dataset, output } = spec;
  if (isLocalModel(model.model_name_or_path, absolute(model.model_name_or_path)))
    model.model_name_or_path = input(["model", "model_name_or_path"], model.model_name_or_path, "folder");
  else {
    const problem = unpinned(model);
    if (problem) issues.push(problem);
  }
  if (typeof dataset.path === "string") dataset.path = input(["dataset", "path"], dataset.path, "file");
  else
    for (const [i, source] of dataset.path.entries())
      source.path = input(["dataset", "path", i, "path"], source.path, "file");
  if (dataset.val_path) dataset.val_path = input(["dataset", "val_path"], dataset.val_path, "file");
  if (dataset.test_path) dataset.test_path = input(["dataset", "test_path"], dataset.test_path, "file");
  if (isTemplateFile(dataset.template))
    dataset.template = input(["dataset", "template"], dataset.template, "file");
  if (output.export_dir) output.export_dir = absolute(output.export_dir);
  return { spec, inputs, issues };
}

/** Anything that looks like a path, or is one; else it names a hub repository. */
function isLocalModel(written: string, absolute: string): boolean {
  if (isAbsolute(written) || /^(\.{1,2}|~)(\/|$)/.test(written)) return true;
  return !isHubId(written) || existsSync(absolute);
}

function problemWithModel(folder: string): string | undefined {
  try {
    const names = readdirSync(folder).filter(
      (name) => !name.startsWith(".") && statSync(join(folder, name), { throwIfNoEntry: false })?.isFile(),
    );
    const texts = Object.fromEntries(
      names.filter(isDecisive).map((name) => [name, readFileSync(join(folder, name), "utf8")]),
    );
    const weights = Object.fromEntries(
      names.filter(isWeights).map((name) => [name, readSafetensorsStart(join(folder, name))]),
    );
    return modelFolderProblem({ folder, names, texts, weights });
  } catch (error) {
    const { path, code } = error as NodeJS.ErrnoException;
    return `${path ?? folder} cannot be read (${code})`;
  }
}

const isTemplateFile = (template: string): boolean => template !== "auto" && template !== "none";

function missing(wanted: "file" | "folder", written: string, found: string, folder: string): string {
  const from = isAbsolute(written) ? "" : ` (relative paths are taken from ${folder})`;
  return `no such ${wanted}: ${found}${from}`;
}
