import type { Client } from "@temporalio/client";
import { failure } from "../../../activities/failure";
import { accountsOf } from "../../../activities/reconcile/accounts";
import type { KernelActivities, TrialOutcome } from "../../../workflows/contracts";
import { ExperimentSpec } from "../../../workflows/contracts";
import { analyticLoss } from "./analytic-loss";
import { artifact } from "./artifacts";
import type { Bench } from "./bench";
import type { Records } from "./records";

export function kernelActivities(records: Records, client: Client, bench: Bench): KernelActivities {
  const isRunning = async (workflowId: string) => {
    const description = await client.workflow.getHandle(workflowId).describe();
    return {
      open: description.status.name === "RUNNING",
      chain: description.raw.workflowExecutionInfo?.firstRunId,
    };
  };
  const activities: KernelActivities = {
    "spec.resolve": async ({ run, spec: raw }) => {
      const spec = ExperimentSpec.parse(raw);
      records.specs.set(run, spec);
      return {
        spec,
        specSha256: artifact("spec").sha256,
        modelFiles: [],
        datasetFiles: [],
        code: { version: "0", commit: null, dirty: false },
      };
    },
    "run.record": async (record) => {
      records.runs.set(record.run, [...(records.runs.get(record.run) ?? []), record]);
    },
    "trials.open": async ({ trials }) => {
      for (const trial of trials)
        records.trials.set(trial.workflowId, { ...trial, outcome: null, ordinal: null });
    },
    "trials.recordRung": async (record) => {
      records.rungs.push(record);
    },
    "trials.recordOutcome": async ({ run, ordinal, outcome }) => {
      const row = records.trials.get(records.trialId(run, outcome.trial));
      if (row === undefined) throw new Error(`trial ${outcome.trial} was never opened`);
      row.outcome ??= outcome;
      row.ordinal = ordinal ?? row.ordinal;
    },
    "dispatch.prepare": async ({ subject, maxStep = Number.POSITIVE_INFINITY }) => {
      const ended = records.trials.get(subject)?.outcome;
      if (ended) throw failure("Cancelled", `${subject} has ended (${ended.state})`, { permanent: true });
      const epoch = (records.epochs.get(subject) ?? 0) + 1;
      records.epochs.set(subject, epoch);
      const stored = records.checkpoints.get(subject) ?? [];
      const resumeFrom = stored.filter(({ step }) => step <= maxStep).sort((a, b) => b.step - a.step);
      return { epoch, resumeFrom: resumeFrom.slice(0, 2) };
    },
    "checkpoint.commit": async () => ({ accepted: true }),
    "trace.append": async ({ events }) => {
      for (const event of events) {
        const key = `${event.run} ${event.source} ${event.seq}`;
        if (!records.trace.has(key)) records.trace.set(key, event);
      }
    },
    "run.isOpen": async ({ run, chain }) => {
      const standing = await isRunning(run);
      return { open: standing.open && standing.chain === chain };
    },
    "run.cancel": async ({ run }) => {
      await client.workflow.getHandle(run).cancel();
    },
    "trace.ingest": async ({ run, segments }) => {
      const stored = records.segments.filter((segment) => segment.run === run).map((segment) => segment.ref);
      for (const { uri } of segments.length > 0 ? segments : stored) records.ingested.add(uri);
      return { events: 0 };
    },
    "trials.reconcile": async ({ run, trials }) => {
      const gone: number[] = [];
      const ended: TrialOutcome[] = [];
      for (const trial of trials) {
        const id = records.trialId(run, trial);
        if ((await isRunning(id)).open) continue;
        const outcome = records.trials.get(id)?.outcome;
        if (outcome) ended.push(outcome);
        else gone.push(trial);
      }
      return { gone, ended, accounts: await accountsOf(client, run, gone) };
    },
    "artifact.store": async () => ({ adapter: [], metrics: artifact("metrics") }),
    "artifact.publish": async () => ({
      adapter: [{ path: "adapter_model.safetensors", ref: artifact("adapter") }],
      exportProblem: bench.exportProblem,
    }),
    "manifest.write": async () => artifact("manifest"),
    "manifest.load": async ({ run }) => verificationPlan(records, run),
    "reproducibility.hashes": async () => ({ checked: 3, failures: [] }),
    "metrics.curve": async ({ subject, upToStep }) => {
      const read = records.segments.filter(
        (segment) => segment.subject === subject && records.ingested.has(segment.ref.uri),
      );
      const steps = [...new Set(read.map((segment) => segment.step))].sort((a, b) => a - b);
      return steps
        .filter((step) => step <= upToStep)
        .map((step) => ({ step, value: lossOf(records, subject, step) }));
    },
    "reproducibility.record": async () => undefined,
    "report.render": async () => ({ html: artifact("report.html"), markdown: artifact("report.md") }),
  };
  return logged(records, activities, bench);
}

/** Every call by name, and failures where a test has planned one. */
export function logged<T extends object>(records: Records, activities: T, bench: Bench): T {
  return Object.fromEntries(
    Object.entries(activities).map(([name, body]) => [
      name,
      async (input: unknown) => {
        records.calls.push({ name, input });
        bench.failIfPlanned(name);
        await bench.meetStageHold(name);
        return (body as (input: unknown) => Promise<unknown>)(input);
      },
    ]),
  ) as T;
}

function winnerOf(records: Records, run: string) {
  const completed = records.ofRun(run).filter((row) => row.outcome?.state === "completed");
  return completed.sort((a, b) => (a.outcome?.value ?? 0) - (b.outcome?.value ?? 0))[0];
}

const rateOf = (params: Record<string, unknown>): number => Number(params.learning_rate ?? 2e-4);

const lossOf = (records: Records, subject: string, step: number): number => {
  const run = subject.slice(0, subject.lastIndexOf("/"));
  return analyticLoss(rateOf(winnerOf(records, run)?.params ?? {}), step);
};

/** What `manifest.load` reads back: the training of the winner as it was dispatched. */
function verificationPlan(records: Records, run: string) {
  const winner = winnerOf(records, run);
  const spec = records.specs.get(run);
  const outcome = winner?.outcome;
  if (!winner || !spec || !outcome?.checkpoint) throw new Error("there is no winner to verify");
  const shared = {
    task: spec.task,
    model: spec.model,
    dataset: { splits: {}, sha256: "0".repeat(64), classNames: null },
  };
  const train = { ...spec.train, learning_rate: rateOf(winner.params) };
  return {
    run,
    winner: {
      trial: winner.trial,
      training: {
        ...shared,
        trial: winner.trial,
        config: { train, lora: { ...spec.lora, lora_alpha: 32 } },
        eval: spec.eval,
        save: spec.save,
        targetStep: outcome.step,
        totalSteps: outcome.step,
        parkSeconds: 0,
      },
      evaluation: {
        ...shared,
        label: "verify",
        checkpoint: outcome.checkpoint,
        split: "validation" as const,
        metrics: ["eval_loss" as const],
        eval: spec.eval,
        baselines: false,
      },
      checkpoint: outcome.checkpoint,
      adapterSha256: outcome.adapterSha256 as string,
      metrics: { eval_loss: outcome.value as number },
      lossCurve: Array.from({ length: outcome.step }, (_, index) => ({
        step: index + 1,
        value: analyticLoss(rateOf(winner.params), index + 1),
      })),
    },
    bitwise: spec.train.full_determinism && spec.search.deterministic,
    device: "cpu",
    tolerances: { metric: 1e-6, loss: 1e-6 },
    replaySteps: 20,
  };
}
