import type { ArtifactRef, NamedArtifact, StageOutputs } from "../../workflows/contracts";
import { comparedOn } from "../../workflows/contracts/stages";
import { trialConfig } from "../../workflows/lora/trial-config";
import { runKey } from "../artifacts/keys";
import type { ObjectStore } from "../artifacts/object-store";
import { failure } from "../failure";
import { type ArtifactRow, recordArtifacts } from "../persistence/artifacts";
import type { Database } from "../persistence/database";
import { readTrial, type StoredTrial } from "../persistence/read-trials";
import { adapterFacts } from "./adapter-facts";
import { type ExportProblem, exportOutputs } from "./export";
import { adapterFiles, publishFolder } from "./files";
import { licenseOf } from "./license";
import { modelCard } from "./model-card";
import { type VllmVerdict, vllmVerdict } from "./vllm";

interface Dependencies {
  db: Database;
  store: ObjectStore;
}

/** Publishes the winner: the adapter folder with tokenizer and card, the merged folder, the scores; and copies them where asked. */
export async function publishWinner(
  { db, store }: Dependencies,
  run: string,
  stages: StageOutputs,
): Promise<{ adapter: NamedArtifact[]; exportProblem: ExportProblem | null }> {
  const winner = await readWinner(db, run, stages);
  const trained = await adapterFiles(store, winner.checkpoint);
  const adapter = await publishFolder(
    store,
    [...trained, ...(stages.dataset?.tokenizer ?? [])],
    runKey(run, "adapter"),
  );
  const vllm = vllmVerdict(await adapterFacts(store, trained));
  const card = Buffer.from(await cardOf(run, stages, winner, vllm));
  adapter.push({
    path: "README.md",
    ref: await store.putNamed(runKey(run, "adapter/README.md"), card, "text/markdown"),
  });
  const merged = await publishFolder(store, stages.merge?.files ?? [], runKey(run, "merged"));
  const scores = await publishScores(store, run, stages);
  await recordArtifacts(db, run, [
    ...adapter.map(({ path, ref }) => ({
      name: `adapter/${path}`,
      trial: winner.trial,
      kind: "adapter" as const,
      ref,
    })),
    ...merged.map(({ path, ref }) => ({
      name: `merged/${path}`,
      trial: winner.trial,
      kind: "merged" as const,
      ref,
    })),
    ...scores,
  ]);
  const { export_dir: exportDir } = stages.resolved.spec.output;
  const exportProblem =
    exportDir === null ? null : await exportOutputs(store, { adapter, merged }, exportDir);
  return { adapter, exportProblem };
}

type Winner = StoredTrial & { checkpoint: NonNullable<StoredTrial["checkpoint"]> };

export async function readWinner(db: Database, run: string, { selection }: StageOutputs): Promise<Winner> {
  const number = selection?.best ?? null;
  if (number === null) throw failure("NotFound", `${run} has no winner to publish`);
  const winner = await readTrial(db, run, number);
  if (!winner?.checkpoint) throw failure("NotFound", `trial ${number} of ${run} has no checkpoint on record`);
  return winner as Winner;
}

async function publishScores(
  store: ObjectStore,
  run: string,
  { base, best, dataset }: StageOutputs,
): Promise<ArtifactRow[]> {
  const scores: [name: string, kind: ArtifactRow["kind"], from: ArtifactRef | undefined][] = [
    ["metrics.json", "metrics", best?.metricsJson],
    ["base/metrics.json", "metrics", base?.metricsJson],
    ["dataset/profile.json", "dataset", dataset?.profile],
  ];
  const rows: ArtifactRow[] = [];
  for (const [name, kind, from] of scores)
    if (from) rows.push({ name, trial: null, kind, ref: await store.copy(from, runKey(run, name)) });
  return rows;
}

async function cardOf(run: string, stages: StageOutputs, winner: Winner, vllm: VllmVerdict): Promise<string> {
  const { spec } = stages.resolved;
  return modelCard({
    run,
    stages,
    trial: winner.trial,
    config: trialConfig(spec, winner.params, winner.seed),
    steps: winner.step,
    split: comparedOn(stages),
    examples: stages.best?.examples ?? 0,
    base: stages.base?.metrics ?? {},
    best: stages.best?.metrics ?? {},
    license: await licenseOf(spec.model.model_name_or_path),
    vllm,
  });
}
