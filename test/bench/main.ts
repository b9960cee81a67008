import { mkdir, writeFile } from "node:fs/promises";
import { cpus, totalmem } from "node:os";
import { dirname, resolve } from "node:path";
import { parseArgs } from "node:util";
import { orchestration } from "./orchestration";
import { startup } from "./startup";

const usage = `npm run bench -- [orchestration | startup] [options]

  orchestration  wall and CPU time per trial with empty bodies
    --trials N,N,…  how many trials (default 50,200,1000)
    --peer ray      the same number in Ray Tune, side by side (installed on first use)
  startup        time of a set-up from nothing by part, and of a warm quick start
    --cold          build everything anew in a folder of its own (downloads and builds; many minutes)
  --json FILE    where the figures go (default bench.json in the state folder)

Without a name both are measured. Prints tables, writes JSON, asserts nothing.`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      trials: { type: "string", default: "50,200,1000" },
      peer: { type: "string" },
      cold: { type: "boolean", default: false },
      json: { type: "string", default: ".belay/bench.json" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return void process.stdout.write(`${usage}\n`);
  const wanted = positionals.length > 0 ? positionals : ["orchestration", "startup"];
  const unknown = wanted.find((name) => !["orchestration", "startup"].includes(name));
  if (unknown) throw new Error(`there is no benchmark ${unknown}\n\n${usage}`);
  const trials = values.trials.split(",").map(Number);
  if (trials.some((count) => !Number.isInteger(count) || count < 1 || count > 10_000))
    throw new Error(`--trials ${values.trials}: expected whole numbers from 1 to 10000, separated by commas`);
  if (values.peer !== undefined && values.peer !== "ray")
    throw new Error(`--peer ${values.peer}: the only peer is ray`);

  const figures: Record<string, unknown> = { machine: machine() };
  if (wanted.includes("orchestration"))
    figures.orchestration = await orchestration({ trials, peer: values.peer ?? null });
  if (wanted.includes("startup")) figures.startup = await startup({ cold: values.cold });
  const file = resolve(values.json);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(figures, null, 2)}\n`);
  process.stdout.write(`\nwritten to ${file}\n`);
}

const machine = () => ({
  at: new Date().toISOString(),
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  node: process.version,
});

main().catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
