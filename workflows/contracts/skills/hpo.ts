import { z } from "zod";
import { SearchSpace, SearchSpec } from "../experiment";
import { TrialEndState, TrialParams } from "../trial";

/**
 * Ask for the parameters of some trials. The tells are rows in Postgres, each with an ordinal; a proposal is a pure
 * function of (search, space, trial number, the first `tellCount` tells in order, the parameters of `pending` trials,
 * to which the earlier trials of the same ask are added in order).
 */
export const AskInput = z
  .object({
    run: z.string(),
    search: SearchSpec,
    space: SearchSpace,
    trials: z.array(z.int().nonnegative()).min(1),
    tellCount: z.int().nonnegative(),
    /** Trials proposed but not told when this ask was made, in order. */
    pending: z.array(z.int().nonnegative()),
  })
  .meta({ id: "AskInput" });
export type AskInput = z.infer<typeof AskInput>;

export const Proposal = z
  .object({
    trial: z.int().nonnegative(),
    params: TrialParams,
    /** False for random start-up trials and grid points. */
    modelBased: z.boolean(),
  })
  .meta({ id: "Proposal" });
export type Proposal = z.infer<typeof Proposal>;

/** `exhausted`: a grid has no further point. */
export const AskOutput = z
  .object({ proposals: z.array(Proposal), exhausted: z.boolean() })
  .meta({ id: "AskOutput" });
export type AskOutput = z.infer<typeof AskOutput>;

/** One tell as recorded; the log of a run is these rows by `ordinal`. */
export const Tell = z
  .object({
    ordinal: z.int().nonnegative(),
    trial: z.int().nonnegative(),
    params: TrialParams,
    state: TrialEndState,
    value: z.number().nullable(),
    /** Rung values in order, for samplers that learn from pruned trials. */
    rungs: z.array(z.object({ step: z.int(), value: z.number().nullable() })),
  })
  .meta({ id: "Tell" });
export type Tell = z.infer<typeof Tell>;

/** Mirror finished trials into the Optuna study for the dashboard. Idempotent by trial number. */
export const TellInput = z
  .object({
    run: z.string(),
    mode: z.enum(["min", "max"]),
    space: SearchSpace,
    trials: z.array(z.int().nonnegative()),
  })
  .meta({ id: "TellInput" });
export type TellInput = z.infer<typeof TellInput>;

export const SelectBestInput = z
  .object({
    run: z.string(),
    metric: z.string(),
    mode: z.enum(["min", "max"]),
    replicates: z.int().positive(),
  })
  .meta({ id: "SelectBestInput" });
export type SelectBestInput = z.infer<typeof SelectBestInput>;

export const SelectBestOutput = z
  .object({
    best: z.int().nonnegative().nullable(),
    /** One sentence for people: how it was chosen, or why nothing was. */
    reason: z.string(),
    ranking: z
      .array(z.object({ trial: z.int(), value: z.number(), trainableParams: z.int().nullable() }))
      .max(20),
  })
  .meta({ id: "SelectBestOutput" });
export type SelectBestOutput = z.infer<typeof SelectBestOutput>;
