import { rounded, textTable } from "../table";
import { withBenchStack } from "./bench-stack";
import { type Measurement, measureBelay, type Sample } from "./measure";
import { ensureRay, measureRay } from "./ray";

export interface OrchestrationOptions {
  trials: number[];
  peer: "ray" | null;
}

type Row = {
  system: string;
  trials: number;
  "wall ms/trial": number;
  "cpu ms/trial": number;
  "wall ratio": string;
};

/** Wall and CPU time per trial whose bodies are empty: ask, train, eval, store, tell. */
export async function orchestration({ trials, peer }: OrchestrationOptions) {
  const ray = peer === "ray" ? await ensureRay() : null;
  const rows: Row[] = [];
  const runs: (Measurement & { perThousand: ReturnType<typeof byThousand> })[] = [];
  const peers: object[] = [];
  await withBenchStack(async (stack) => {
    // The first search pays for caches of all servers; it is not counted.
    await measureBelay(stack, 10);
    for (const count of trials) {
      const belay = await measureBelay(stack, count);
      const { samples } = belay;
      runs.push({ ...belay, perThousand: byThousand(samples) });
      rows.push(row("belay", belay, belay));
      for (const reuse of ray ? [false, true] : []) {
        const measured = await measureRay(ray as string, count, reuse);
        peers.push({ reuseActors: reuse, ...measured });
        rows.push(row(reuse ? "ray tune, reuse_actors" : "ray tune", measured, belay));
      }
    }
  });
  process.stdout.write(`\n${textTable(rows)}\n`);
  for (const { trials: count, cpuBy, perThousand, carriedBytes } of runs) {
    const parts = Object.entries(cpuBy).map(
      ([name, seconds]) => `${name} ${rounded((1000 * seconds) / count)}`,
    );
    process.stdout.write(`\n${count} trials: cpu ms/trial by process: ${parts.join(", ")}\n`);
    if (perThousand.length > 1)
      process.stdout.write(`\n${count} trials, each thousand by itself\n${textTable(perThousand)}\n`);
    const largest = Math.max(0, ...carriedBytes);
    process.stdout.write(
      `\n${count} trials: continued as new ${carriedBytes.length} times, carried at most ${rounded(largest / 1024)} KiB\n`,
    );
  }
  return { rows, runs, peers };
}

function row(system: string, measured: Timed, belay: Timed): Row {
  const perTrial = (of: Timed) => (1000 * of.seconds) / of.trials;
  return {
    system,
    trials: measured.trials,
    "wall ms/trial": rounded(perTrial(measured)),
    "cpu ms/trial": rounded((1000 * measured.cpuSeconds) / measured.trials),
    "wall ratio": `${rounded(perTrial(measured) / perTrial(belay), 2)} ×`,
  };
}

type Timed = { trials: number; seconds: number; cpuSeconds: number };

/** Cost per trial of each thousand, so that one sees whether it grows. */
function byThousand(samples: readonly Sample[]) {
  const rows: { "up to trial": number; "wall ms/trial": number; "cpu ms/trial": number }[] = [];
  let from: Sample = { trials: 0, seconds: 0, cpuSeconds: 0 };
  for (const sample of samples) {
    const isLast = sample === samples.at(-1);
    if (sample.trials - from.trials < 1000 && !isLast) continue;
    const count = sample.trials - from.trials;
    if (count < 100) continue;
    rows.push({
      "up to trial": sample.trials,
      "wall ms/trial": rounded((1000 * (sample.seconds - from.seconds)) / count),
      "cpu ms/trial": rounded((1000 * (sample.cpuSeconds - from.cpuSeconds)) / count),
    });
    from = sample;
  }
  return rows;
}
