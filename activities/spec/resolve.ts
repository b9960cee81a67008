import type { ExperimentSpec, FileDigest, ResolvedSpec } from "../../workflows/contracts";
import { canonicalJson } from "../../workflows/contracts/canonical-json";
import { completeExperiment } from "../../workflows/contracts/experiment/complete";
import {
  formatSpecIssues,
  parseExperiment,
  type SpecIssue,
} from "../../workflows/contracts/experiment/normalize";
import { sha256 } from "../artifacts/object-store";
import { failure } from "../failure";
import { hashFile } from "./hash-file";
import { checkInputs, inputFiles, isLocalModel } from "./inputs";
import { ModelFolderError, modelFiles } from "./model-folder";

/** The experiment as it will be run: complete, checked against this machine, every input file hashed. */
export async function resolveSpec(raw: unknown, code: ResolvedSpec["code"]): Promise<ResolvedSpec> {
  const parsed = parseExperiment(raw);
  if (!parsed.ok) {
    const onMachine = parsed.provisional ? await checkInputs(parsed.provisional) : [];
    throw refused([...parsed.issues, ...parsed.admit(onMachine)]);
  }
  const spec = completeExperiment(parsed.spec);
  const issues = await checkInputs(spec);
  if (issues.length > 0) throw refused(issues);
  const model = await localModelFiles(spec);
  return {
    spec,
    specSha256: sha256(canonicalJson(spec)),
    modelFiles: await hashAll(model, "ModelUnavailable"),
    datasetFiles: await hashAll([...new Set(inputFiles(spec).map(({ path }) => path))], "InvalidSpec"),
    code,
  };
}

/** What no repetition reads: denied, gone meanwhile, or no file. */
const unreadable = ["EACCES", "EPERM", "ENOENT", "ENOTDIR", "EISDIR", "ELOOP"];

async function hashAll(paths: string[], refusal: "InvalidSpec" | "ModelUnavailable"): Promise<FileDigest[]> {
  const digests: FileDigest[] = [];
  for (const path of paths) {
    try {
      digests.push(await hashFile(path));
    } catch (error) {
      const { code = "" } = error as NodeJS.ErrnoException;
      if (!unreadable.includes(code)) throw error;
      throw failure(refusal, `${path} cannot be read (${code})`, { cause: error });
    }
  }
  return digests;
}

function refused(issues: SpecIssue[]) {
  const mistakes = issues.filter(({ unsupported }) => !unsupported);
  const type = mistakes.length > 0 ? "InvalidSpec" : "Unsupported";
  return failure(type, formatSpecIssues(issues), { details: [{ issues }] });
}

async function localModelFiles({ model }: ExperimentSpec): Promise<string[]> {
  if (!isLocalModel(model.model_name_or_path)) return [];
  try {
    return await modelFiles(model.model_name_or_path);
  } catch (error) {
    if (!(error instanceof ModelFolderError)) throw error;
    const issue: SpecIssue = { path: ["model", "model_name_or_path"], message: error.message };
    throw failure("ModelUnavailable", formatSpecIssues([issue]), { details: [{ issues: [issue] }] });
  }
}
