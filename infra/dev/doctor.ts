import { belayHome, repositoryRoot } from "../setup/home.mjs";
import { type Check, preflight } from "../setup/preflight.mjs";
import { readyTools } from "../setup/toolchain";
import type { PartStatus, StackStatus } from "./stack-info";

/** The machine, what set-up left on it, and the stack, as one list of what was found and what to do. */
export async function diagnose(status: StackStatus): Promise<Check[]> {
  const root = repositoryRoot();
  const machine = await preflight({ root, home: belayHome() });
  return [...machine, checkTools(root), ...checkStack(status)];
}

function checkTools(root: string): Check {
  const tools = readyTools(root);
  return {
    name: "set-up",
    ok: tools !== undefined,
    found: tools ? `complete, with ${tools.python}` : "not complete for this checkout",
    needed: "complete",
    remedy: "npm run dev",
  };
}

/** Nobody needs a stack of this checkout's own to speak to a service that runs elsewhere. */
function checkStack({ stack, parts }: StackStatus): Check[] {
  if (stack !== null) return parts.map(checkPart);
  const elsewhere = process.env.TEMPORAL_ADDRESS;
  return [
    {
      name: "stack",
      ok: Boolean(elsewhere),
      found: elsewhere ? `none; commands talk to ${elsewhere}` : "none: the stack of this checkout is not up",
      needed: elsewhere ? "none" : "up",
      remedy: "npx belay up",
    },
  ];
}

function checkPart({ name, state, pid, log }: PartStatus): Check {
  return {
    name,
    ok: state === "up" || state === "external",
    found: pid === null ? state : `${state}, process ${pid}`,
    needed: "up",
    remedy:
      state === "external"
        ? "see to the server it runs on"
        : `npx belay up${log ? `; its log is ${log}` : ""}`,
  };
}
