import { pathToFileURL } from "node:url";
import type {
  ArtifactRef,
  FileDigest,
  MergeOutput,
  StageOutputs,
  VerificationPlan,
} from "../../workflows/contracts";
import type { ArtifactRow } from "../persistence/artifacts";
import type { HubBase, TrialFacts } from "./facts";

/** in-toto's ResourceDescriptor, as far as it is used here. */
export interface Resource {
  name: string;
  uri?: string;
  digest: { sha256: string } | { gitCommit: string };
  mediaType?: string;
}

export const STATEMENT_TYPE = "https://in-toto.io/Statement/v1";
export const PREDICATE_TYPE = "https://slsa.dev/provenance/v1";
export const BUILD_TYPE = "urn:belay:lora-search:1";

/** An in-toto Statement v1 with a SLSA provenance predicate: all that is needed to re-derive a run's result. */
export interface Statement {
  _type: typeof STATEMENT_TYPE;
  subject: Resource[];
  predicateType: typeof PREDICATE_TYPE;
  predicate: {
    buildDefinition: {
      buildType: typeof BUILD_TYPE;
      externalParameters: { experiment: unknown };
      internalParameters: InternalParameters;
      resolvedDependencies: Resource[];
    };
    runDetails: {
      builder: { id: string; version: { belay: string } };
      metadata: { invocationId: string };
      byproducts: Resource[];
    };
  };
}

export interface InternalParameters {
  schemaVersion: 1;
  run: string;
  specSha256: string;
  code: { version: string; commit: string | null; dirty: boolean };
  temporal: { workflowId: string; runId: string };
  determinism: { level: "bitwise" | "tolerance"; tolerances: VerificationPlan["tolerances"] };
  /** Versions and hardware as the engines reported them, and versions as the lock file pins them. */
  environments: unknown[];
  lockedVersions: Record<string, string>;
  base: { model: string; revision: string | null; dtype: string };
  dataset: unknown;
  search: { seed: number; space: unknown; totalSteps: number | null; trials: TrialFacts[]; rungs: unknown[] };
  selection: StageOutputs["selection"];
  comparison: StageOutputs["comparison"];
  merge: null | {
    maxLogitDifference: number;
    tolerance: number;
    passed: boolean;
    recipe: MergeOutput["recipe"];
    files: Record<string, string>;
  };
  verification: VerificationPlan;
}

export interface StatementFacts {
  run: string;
  stages: StageOutputs;
  temporalRunId: string;
  artifacts: readonly ArtifactRow[];
  trials: TrialFacts[];
  rungs: unknown[];
  environments: unknown[];
  hubBases: HubBase[];
  lockFiles: { name: string; sha256: string }[];
  lockedVersions: Record<string, string>;
  plan: VerificationPlan;
  /** Files of the winner's checkpoint: what verification starts from. */
  checkpointFiles: { path: string; ref: ArtifactRef }[];
}

export function buildStatement(facts: StatementFacts): Statement {
  const { run, stages, plan } = facts;
  const { resolved } = stages;
  return {
    _type: STATEMENT_TYPE,
    subject: facts.artifacts
      .filter(({ kind }) => kind !== "manifest" && kind !== "report")
      .map(({ name, ref }) => stored(name, ref)),
    predicateType: PREDICATE_TYPE,
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { experiment: resolved.spec },
        internalParameters: internalParameters(facts),
        resolvedDependencies: dependencies(facts),
      },
      runDetails: {
        builder: { id: "urn:belay:kernel", version: { belay: resolved.code.version } },
        metadata: { invocationId: run },
        byproducts: byproducts(facts, plan),
      },
    },
  };
}

function internalParameters(facts: StatementFacts): InternalParameters {
  const { run, stages, plan } = facts;
  const { resolved, dataset, merge } = stages;
  const { spec } = resolved;
  return {
    schemaVersion: 1,
    run,
    specSha256: resolved.specSha256,
    code: resolved.code,
    temporal: { workflowId: run, runId: facts.temporalRunId },
    determinism: { level: plan.bitwise ? "bitwise" : "tolerance", tolerances: plan.tolerances },
    environments: facts.environments,
    lockedVersions: facts.lockedVersions,
    base: { model: spec.model.model_name_or_path, revision: spec.model.revision, dtype: spec.model.dtype },
    dataset: dataset && {
      sha256: dataset.datasetSha256,
      rows: dataset.rows,
      packs: dataset.packs ?? null,
      format: dataset.format,
      splitSha256: dataset.splitSha256,
      tokenisedSha256: dataset.tokenised.sha256,
      tokenizerSha256: dataset.tokenizerSha256,
      templateSha256: dataset.templateSha256,
      labelTokens: dataset.labelTokens,
      maxLength: dataset.maxLength,
    },
    search: {
      seed: spec.search.seed,
      space: stages.plan?.space ?? spec.search.space,
      totalSteps: stages.plan?.totalSteps ?? null,
      trials: facts.trials,
      rungs: facts.rungs,
    },
    selection: stages.selection,
    comparison: stages.comparison,
    merge: merge && {
      maxLogitDifference: merge.maxLogitDifference,
      tolerance: merge.tolerance,
      passed: merge.passed,
      recipe: merge.recipe,
      files: Object.fromEntries(merge.files.map(({ path, ref }) => [path, ref.sha256])),
    },
    verification: plan,
  };
}

function dependencies({ stages, lockFiles, hubBases }: StatementFacts): Resource[] {
  const { code, modelFiles, datasetFiles } = stages.resolved;
  return [
    ...(code.commit ? [{ name: "belay", digest: { gitCommit: code.commit } }] : []),
    ...lockFiles.map(({ name, sha256 }) => ({ name, digest: { sha256 } })),
    ...modelFiles.map((file) => local("model", file)),
    ...once(hubBases.flatMap(ofHub)),
    ...datasetFiles.map((file) => local("dataset", file)),
  ];
}

function byproducts({ stages, checkpointFiles }: StatementFacts, plan: VerificationPlan): Resource[] {
  const splits = Object.entries(stages.dataset?.tokenised.splits ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    ...splits.map(([split, ref]) => stored(`dataset/${split}`, ref as ArtifactRef)),
    ...(plan.winner ? [stored("winner/checkpoint.json", plan.winner.checkpoint.manifest)] : []),
    ...checkpointFiles.map(({ path, ref }) => stored(`winner/${path}`, ref)),
  ];
}

const stored = (name: string, { uri, sha256, mediaType }: ArtifactRef): Resource => ({
  name,
  uri,
  digest: { sha256 },
  mediaType,
});

/** Each different one once, in name order. Two machines differ in how many of the files they have fetched. */
function once(resources: Resource[]): Resource[] {
  const keyed = new Map(resources.map((each) => [`${each.name} ${JSON.stringify(each.digest)}`, each]));
  return [...keyed].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
}

/** By package URL (github.com/package-url/purl-spec, type huggingface). */
const ofHub = ({ model, revision, files }: HubBase): Resource[] =>
  Object.entries(files).map(([path, sha256]) => ({
    name: `model/${path}`,
    uri: `pkg:huggingface/${model}${revision === null ? "" : `@${revision}`}#${path}`,
    digest: { sha256 },
  }));

const local = (what: string, { path, sha256 }: FileDigest): Resource => ({
  name: `${what}/${path.slice(path.lastIndexOf("/") + 1)}`,
  uri: pathToFileURL(path).href,
  digest: { sha256 },
});
