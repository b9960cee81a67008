import {
  ApplicationFailure,
  CancellationScope,
  CancelledFailure,
  ContinueAsNew,
  TemporalFailure,
} from "@temporalio/workflow";
import type { ExperimentResult } from "../contracts/messages";
import { isRunEnded } from "../contracts/states";
import type { ExperimentContinuation } from "../contracts/workflow-inputs";
import { placeOf } from "../dispatch/place";
import { database, resolver, skills } from "../proxies";
import { describeFailure } from "../reliability/failures";
import { type Carried, readContinuation } from "./experiment/carried";
import { ExperimentRun } from "./experiment/experiment-run";
import { type Conclusion, finalize } from "./experiment/finalize";
import { wireMessages } from "./experiment/messages";
import { SearchDriver } from "./experiment/search-driver";
import { Search } from "./search/search";
import { newSearch } from "./search/state";

/**
 * A LoRA search, from the experiment as written to its verified report. The workflow's id is the run's id.
 *
 * @param raw the experiment as written: aliases and omitted defaults are fine.
 * @param continuation options for this execution, and what an earlier one carried along.
 */
export async function experimentWorkflow(
  raw: unknown,
  continuation?: ExperimentContinuation,
): Promise<ExperimentResult> {
  const { options, carried } = readContinuation(continuation);
  const run = new ExperimentRun(raw, options, carried);
  wireMessages(run);
  run.switch.followNativeCancellation(() => run.cancel());
  return CancellationScope.nonCancellable(async () => {
    try {
      if (carried === null) await prepare(run);
      else restore(run, carried);
      const search = await runSearch(run, continuation ?? { version: 1 }, carried);
      await run.switch.whenRunning();
      run.machine.to("finalizing");
      return await conclude(run, await finalize(run, search));
    } catch (error) {
      throw await endUnfinished(run, error);
    }
  });
}

async function prepare(run: ExperimentRun): Promise<void> {
  await run.register();
  const resolved = await run.inStage("resolve", () =>
    resolver["spec.resolve"].executeWithOptions({ summary: run.name }, [{ run: run.id, spec: run.raw }]),
  );
  run.resolve(resolved);
  // What no place can run is refused before any data is read.
  placeOf(resolved.spec);
  run.begin();
  const { spec } = resolved;
  const stages = run.outputs;
  const { task, model } = spec;
  stages.dataset = await run.inStage("dataset", () =>
    skills["dataset.analyze"].executeWithOptions({ summary: "profile, splits, tokens" }, [
      { run: run.id, task, model, dataset: spec.dataset, seed: spec.search.seed },
    ]),
  );
  const { dataset } = stages;
  run.warnings.push(...dataset.warnings);
  const { train, lora, search, eval: evaluation, pack } = spec;
  stages.plan = await run.inStage("space", () =>
    skills["config.buildSearchSpace"].executeWithOptions({ summary: "search space and memory" }, [
      { run: run.id, task, model, dataset, train, lora, search, eval: evaluation, pack },
    ]),
  );
  run.warnings.push(...stages.plan.warnings);
}

function restore(run: ExperimentRun, carried: Carried): void {
  run.resolve(carried.resolved);
  const stages = run.outputs;
  stages.dataset = carried.dataset;
  stages.plan = carried.plan;
  run.warnings.push(...carried.dataset.warnings, ...carried.plan.warnings);
  run.stage = "search";
}

async function runSearch(
  run: ExperimentRun,
  continuation: ExperimentContinuation,
  carried: Carried | null,
): Promise<Search> {
  const { search, train, lora } = run.outputs.resolved.spec;
  const { dataset, plan } = run.prepared;
  const plannedSteps = plan.totalSteps;
  const sequences = dataset.packs ?? dataset.rows.train;
  const state = carried?.search ?? newSearch();
  run.search = new Search({ run: run.id, search, train, lora, plannedSteps, sequences }, state);
  const driver = new SearchDriver(run, run.search, continuation, carried);
  if (carried === null) await run.inStage("search", async () => undefined);
  // Not interrupted by a cancel: the driver itself brings the trials to their end.
  await driver.drive();
  return run.search;
}

/** Records the result. A run that lacks something essential has failed, but it has its report. */
async function conclude(run: ExperimentRun, { result, problem }: Conclusion): Promise<ExperimentResult> {
  run.machine.to(problem === null ? "completed" : "failed");
  const unrecorded = await close(run, { error: problem, result });
  if (problem !== null) throw ApplicationFailure.nonRetryable(problem.message, problem.type, result);
  if (unrecorded === null) return result;
  const message = `the run completed, but its end could not be recorded: ${unrecorded.message}`;
  throw ApplicationFailure.nonRetryable(message, unrecorded.type, result);
}

/**
 * Writes the run's end. Answers with why that failed: the end stays what it is, and the row is closed by whoever finds
 * that its workflow is gone.
 */
async function close(
  run: ExperimentRun,
  last: Parameters<ExperimentRun["close"]>[0],
): Promise<{ type: string; message: string } | null> {
  try {
    await run.close(last);
    return null;
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
    return describeFailure(error);
  }
}

/**
 * Records how a run ended that has no result, and answers with what the workflow ends with. Anything that is not a
 * failure of the run itself passes: a continue-as-new, and a defect, which blocks the workflow until it is mended.
 */
async function endUnfinished(run: ExperimentRun, error: unknown): Promise<unknown> {
  if (error instanceof ContinueAsNew || !(error instanceof TemporalFailure)) return error;
  if (isRunEnded(run.machine.state)) return error;
  if (run.switch.cancelled) {
    run.machine.to("cancelled");
    if (run.isRegistered) await close(run, { error: null });
    await run.switch.becomeNative(() => database["run.cancel"]({ run: run.id }));
    return new CancelledFailure(`Run ${run.id} was cancelled`);
  }
  const failure = describeFailure(error);
  run.machine.to("failed");
  // Where the row could not even be opened, it is not closed either: that Postgres is away should be told soon.
  if (run.isRegistered) await close(run, { error: failure });
  return ApplicationFailure.nonRetryable(failure.message, failure.type);
}
