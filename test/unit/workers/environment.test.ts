import { describe, expect, it } from "vitest";
import { readEnvironment } from "../../../workers/environment";

const complete = {
  TEMPORAL_ADDRESS: "127.0.0.1:7233",
  DATABASE_URL: "postgresql://belay:secret@127.0.0.1:5432/belay",
  BELAY_S3_ENDPOINT: "http://127.0.0.1:9000",
  BELAY_S3_ACCESS_KEY: "key",
  BELAY_S3_SECRET_KEY: "secret",
};

describe("the kernel worker's environment", () => {
  it("is read once, with defaults", () => {
    expect(readEnvironment(complete)).toEqual({
      temporal: { address: "127.0.0.1:7233", namespace: "default" },
      databaseUrl: complete.DATABASE_URL,
      store: { endpoint: "http://127.0.0.1:9000", bucket: "belay", accessKey: "key", secretKey: "secret" },
      signingKeyFile: null,
      readyFile: null,
      logLevel: "info",
      startTimeoutMs: 60_000,
      slots: { workflowTasks: 40, activities: 20, localActivities: 40 },
      otlpEndpoint: null,
    });
  });

  it("names everything that is missing or wrong at once, an empty variable counting as missing", () => {
    const wrong = {
      ...complete,
      TEMPORAL_ADDRESS: "",
      DATABASE_URL: "mysql://x",
      BELAY_ACTIVITIES: "0",
      BELAY_LOG_LEVEL: "loud",
    };
    expect(() => readEnvironment(wrong)).toThrow(
      [
        "TEMPORAL_ADDRESS is not set: it must hold the Temporal Service's host:port",
        "DATABASE_URL expected the address of the Postgres database, such as postgres://user@host:5432/belay",
        "BELAY_LOG_LEVEL expected debug, info, warn or error",
        "BELAY_ACTIVITIES expected at least 1",
      ].join("\n"),
    );
  });

  it("never repeats a secret", () => {
    let message = "";
    try {
      readEnvironment({ ...complete, DATABASE_URL: "belay:secret-word@host" });
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain("DATABASE_URL");
    expect(message).not.toContain("secret-word");
  });
});
