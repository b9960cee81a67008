import { join } from "node:path";

/** Where a stack keeps what it must remember. Everything of it lives below one folder. */
export interface Layout {
  stateDir: string;
  lock: string;
  /** What other programs read: addresses, credentials, process ids. */
  stackFile: string;
  ports: string;
  credentials: string;
  signingKey: string;
  processes: string;
  logs: string;
  workers: string;
  postgres: string;
  minio: string;
  temporal: string;
}

export function layoutOf(stateDir: string): Layout {
  const at = (...names: string[]) => join(stateDir, ...names);
  return {
    stateDir,
    lock: at("locks", "stack.lock"),
    stackFile: at("stack.json"),
    ports: at("ports.json"),
    credentials: at("credentials.json"),
    signingKey: at("signing-key.pem"),
    processes: at("processes"),
    logs: at("logs"),
    workers: at("workers"),
    postgres: at("postgres"),
    minio: at("minio"),
    temporal: at("temporal"),
  };
}
