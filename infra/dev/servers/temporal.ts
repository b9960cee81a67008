import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Part } from "../part";
import { namespaceAnswers } from "../prepare/namespace";
import { baseEnvironment } from "./environment";
import { answersHttp } from "./http";

/** Temporal's development server with its UI. Its state is a file, so it may be killed at any moment. */
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
        ...["--db-filename", join(folder, "temporal.db"), "--sqlite-pragma", "journal_mode=WAL"],
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
