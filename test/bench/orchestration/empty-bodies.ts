import type { KernelActivities } from "../../../workflows/contracts";
import { type ArtifactRef, ExperimentSpec } from "../../../workflows/contracts";

const zeros = "0".repeat(64);
const object: ArtifactRef = {
  uri: `s3://belay/objects/sha256/${zeros}`,
  sha256: zeros,
  sizeBytes: 0,
  mediaType: "application/json",
};
const published = { uri: object.uri, sha256: object.sha256, sizeBytes: object.sizeBytes };

type Bodies = Pick<
  KernelActivities,
  | "spec.resolve"
  | "checkpoint.commit"
  | "trace.ingest"
  | "artifact.store"
  | "artifact.publish"
  | "manifest.write"
  | "manifest.load"
  | "reproducibility.hashes"
  | "reproducibility.record"
  | "report.render"
>;

/**
 * The kernel activities whose work is with files and objects, without that work. What remains is orchestration:
 * rows of runs, trials, epochs and trace events are written as always.
 */
export const emptyBodies: Bodies = {
  "spec.resolve": async ({ spec }) => ({
    spec: ExperimentSpec.parse(spec),
    specSha256: zeros,
    modelFiles: [],
    datasetFiles: [],
    code: { version: "0", commit: null, dirty: false },
  }),
  "checkpoint.commit": async () => ({ accepted: true }),
  "trace.ingest": async () => ({ events: 0 }),
  "artifact.store": async () => ({ adapter: [], metrics: object }),
  "artifact.publish": async () => ({ adapter: [] }),
  "manifest.write": async () => object,
  "manifest.load": async ({ run }) => ({
    run,
    winner: null,
    bitwise: false,
    device: "cpu",
    tolerances: { metric: 0, loss: 0 },
    replaySteps: 1,
  }),
  "reproducibility.hashes": async () => ({ checked: 0, failures: [] }),
  "reproducibility.record": async () => {},
  "report.render": async () => ({ html: published, markdown: published }),
};
