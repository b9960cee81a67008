import type { WorkflowHandleWithFirstExecutionRunId } from "@temporalio/client";
import type { ExperimentContinuation, ExperimentInput } from "../../../workflows/contracts";
import { TaskQueues, WorkflowTypes } from "../../../workflows/contracts";
import type { experimentWorkflow } from "../../../workflows/lora/experiment.workflow";
import type { TemporalServer } from "../../support/temporal";

type Search = NonNullable<ExperimentInput["search"]>;

/** A base on the hub, which nobody fetches. */
export const labModel = { model_name_or_path: "lab/base", revision: "0".repeat(40) };

/** An experiment for the laboratory: a hundred steps, checkpoints every ten. */
export const experiment = (search: Search = {}, rest: Partial<ExperimentInput> = {}): ExperimentInput => ({
  name: "lab",
  model: labModel,
  dataset: { path: "rows.jsonl" },
  train: { max_steps: 100 },
  save: { save_steps: 10 },
  search: { sampler: "random", ...search },
  ...rest,
});

export type ExperimentHandle = WorkflowHandleWithFirstExecutionRunId<typeof experimentWorkflow>;

export const startExperiment = (
  server: TemporalServer,
  run: string,
  spec: unknown,
  options?: ExperimentContinuation["options"],
  rest: { workflowTaskTimeout?: "1s" } = {},
): Promise<ExperimentHandle> =>
  server.client.workflow.start<typeof experimentWorkflow>(WorkflowTypes.experiment, {
    workflowId: run,
    taskQueue: TaskQueues.kernel,
    ...rest,
    args: options ? [spec, { version: 1, options }] : [spec],
  });
