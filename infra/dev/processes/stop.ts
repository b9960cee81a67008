import type { ProcessIdentity } from "../../setup/process-identity.mjs";
import { isAlive } from "../../setup/process-identity.mjs";
import { waitUntil } from "../wait";
import type { StopManner } from "./manner";

const KILL_TAKES_AT_MOST_MS = 10_000;

/** Asks a process to end, waits, and kills it when it does not. A process id that was handed out again is safe. */
export async function stopProcess(
  identity: ProcessIdentity,
  manner: StopManner,
): Promise<"asked" | "killed"> {
  send(identity, manner.signal);
  if (await waitUntil(() => !isAlive(identity), manner.withinMs)) return "asked";
  await killProcess(identity);
  return "killed";
}

export async function killProcess(identity: ProcessIdentity): Promise<void> {
  send(identity, "SIGKILL");
  if (!(await waitUntil(() => !isAlive(identity), KILL_TAKES_AT_MOST_MS)))
    throw new Error(`process ${identity.pid} does not end, not even by SIGKILL`);
}

function send(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
