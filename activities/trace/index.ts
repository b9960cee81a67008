import type { KernelActivities } from "../../workflows/contracts";
import type { ObjectStore } from "../artifacts/object-store";
import type { Database } from "../persistence/database";
import { insertEvents, readCurve } from "../persistence/trace";
import { ingestTrace } from "./ingest";

type TraceActivities = Pick<KernelActivities, "trace.append" | "trace.ingest" | "metrics.curve">;

/** The trace of a run: what its workflows and engines wrote, each event once. */
export const createTraceActivities = ({
  db,
  store,
}: {
  db: Database;
  store: ObjectStore;
}): TraceActivities => ({
  "trace.append": async ({ events }) => {
    await insertEvents(db, events);
  },
  "trace.ingest": ({ run, segments }) => ingestTrace({ db, store }, run, segments),
  "metrics.curve": ({ subject, name, upToStep }) => readCurve(db, subject, name, upToStep),
});
