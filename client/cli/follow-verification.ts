import { setTimeout as delay } from "node:timers/promises";
import type { ReproducibilityVerdict } from "../../workflows/contracts";
import type { Verification } from "../verification";
import type { Console } from "./console";
import { Interrupted } from "./failures";
import { oneLine } from "./live/format";
import { describeWork } from "./live/under-way";

const LOOK_EVERY_MS = 1000;

/** Waits for a verdict and says, a line each, what the check has under way or waits for. Ctrl-C stops the check. */
export async function followVerification(
  verification: Verification,
  console: Console,
  interrupt: AbortSignal,
): Promise<ReproducibilityVerdict> {
  const followed = verification.until(interrupt);
  const ended = new AbortController();
  const looking = tellWork(followed, console, ended.signal);
  try {
    return await followed.verdict();
  } catch (error) {
    if (!interrupt.aborted) throw error;
    throw new Interrupted(await stop(verification));
  } finally {
    ended.abort();
    // Nothing may be under way when the connection is closed.
    await looking;
  }
}

async function tellWork(verification: Verification, console: Console, ended: AbortSignal): Promise<void> {
  let told: string | null = null;
  while (!ended.aborted) {
    const found = await underWay(verification);
    if (ended.aborted) return;
    if (found !== null && found !== told) console.say(`  ${oneLine(found)} …`);
    told = found ?? told;
    await delay(LOOK_EVERY_MS, undefined, { signal: ended }).catch(() => {});
  }
}

async function underWay(verification: Verification): Promise<string | null> {
  try {
    if (await verification.awaitsKernelWorker()) return "waiting for a kernel worker";
    return describeWork(await verification.pendingWork());
  } catch (error) {
    return `${error instanceof Error ? error.message : String(error)}; trying again`;
  }
}

/** Nobody would see its verdict, and it holds a GPU. */
async function stop(verification: Verification): Promise<string> {
  try {
    await verification.cancel();
    return `\nThe verification of ${verification.run} is being stopped.`;
  } catch (error) {
    return `\nThe verification of ${verification.run} may go on: ${error instanceof Error ? error.message : String(error)}`;
  }
}
