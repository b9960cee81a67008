import type { ErrorType, ExperimentSpec, FileDigest, ResolvedSpec } from "../../workflows/contracts";
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
    const found = parsed.provisional ? await onThisMachine(parsed.provisional) : nothingFound;
    throw refused([...parsed.issues, ...parsed.admit([...found.issues, ...found.model.issues])]);
  }
  const spec = completeExperiment(parsed.spec);
  const { issues, model } = await onThisMachine(spec);
  if (issues.length > 0) throw refused([...issues, ...model.issues]);
  if (model.issues.length > 0) throw refused(model.issues, "ModelUnavailable");
  const modelFiles = await hashAll(model.files, "ModelUnavailable");
  const datasetFiles = await hashAll([...new Set(inputFiles(spec).map(({ path }) => path))], "InvalidSpec");
  return {
    spec,
    specSha256: sha256(canonicalJson(spec)),
    modelFiles,
    datasetFiles,
    inputsSha256: sha256(canonicalJson([...modelFiles, ...datasetFiles].map((file) => file.sha256))),
    code,
  };
}

interface Found {
  issues: SpecIssue[];
  model: { files: string[]; issues: SpecIssue[] };
}

const nothingFound: Found = { issues: [], model: { files: [], issues: [] } };

/** Everything that is wrong with what the spec names on this machine, in one round. */
const onThisMachine = async (spec: ExperimentSpec): Promise<Found> => ({
  issues: await checkInputs(spec),
  model: await localModel(spec),
});

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

function refused(issues: SpecIssue[], type = typeOf(issues)) {
  return failure(type, formatSpecIssues(issues), { details: [{ issues }] });
}

const typeOf = (issues: SpecIssue[]): ErrorType =>
  issues.every(({ unsupported }) => unsupported) ? "Unsupported" : "InvalidSpec";

async function localModel({ model }: ExperimentSpec): Promise<Found["model"]> {
  if (!isLocalModel(model.model_name_or_path)) return nothingFound.model;
  try {
    return { files: await modelFiles(model.model_name_or_path), issues: [] };
  } catch (error) {
    if (!(error instanceof ModelFolderError)) throw error;
    return { files: [], issues: [{ path: ["model", "model_name_or_path"], message: error.message }] };
  }
}
