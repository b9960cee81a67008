import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Part } from "../part";
import { namespaceAnswers } from "../prepare/namespace";
import { baseEnvironment } from "./environment";
import { answersHttp } from "./http";

/**
 * Temporal's development server with its UI. Its state is a file, so it may be killed at any moment.
 *
 * A commit is not forced to the disk (synchronous=NORMAL): a third of a trial's cost was spent waiting for that. Nothing
 * is lost when the process dies; after a power failure the newest transactions may be gone, and what they led to is done
 * again, which activities are made for.
 */
export function temporalPart(binary: string, folder: string): Part {
  return {
    name: "temporal",
    portNames: ["grpc", "ui"],
    async before() {
      mkdirSync(folder, { recursive: true });
    },
    launch: ({ grpc, ui }) => ({
      command: binary,
      args: [
        ...["server", "start-dev", "--ip", "127.0.0.1", "--port", String(grpc), "--ui-port", String(ui)],
        ...["--db-filename", join(folder, "temporal.db")],
        ...["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=1"],
        ...["--log-level", "warn"],
      ],
      env: { ...baseEnvironment(), HOME: folder },
      cwd: folder,
    }),
    isHealthy: async ({ grpc, ui }) =>
      (await answersHttp(`http://127.0.0.1:${ui}/`)) &&
      (await namespaceAnswers(`127.0.0.1:${grpc}`, "default")),
    address: ({ grpc }) => `127.0.0.1:${grpc}`,
    startWithinMs: 60_000,
  };
}
