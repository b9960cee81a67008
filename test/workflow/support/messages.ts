import type { RunStatus, TrialRow } from "../../../workflows/contracts";
import type { ExperimentHandle } from "./experiments";

export const status = (handle: ExperimentHandle): Promise<RunStatus> => handle.query<RunStatus>("status");

export const trials = (handle: ExperimentHandle): Promise<TrialRow[]> => handle.query<TrialRow[]>("trials");

export const update = (handle: ExperimentHandle, name: string, ...args: unknown[]): Promise<RunStatus> =>
  (handle as { executeUpdate(name: string, options: { args: unknown[] }): Promise<unknown> }).executeUpdate(
    name,
    {
      args,
    },
  ) as Promise<RunStatus>;
