import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { repositoryRoot } from "../setup/home.mjs";
import { generatedFiles } from "./outputs";
import { workerPython } from "./worker-python";

const usage = `npm run generate [-- --check] [-- --python PATH]

Writes what is derived from workflows/contracts: JSON Schema, Python models and names, docs/experiment-yaml.md.
  --check        write nothing; fail if a file is stale
  --python PATH  interpreter with the packages of gpu-worker/requirements.lock (default: the one set up by Belay)`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      check: { type: "boolean" },
      python: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const root = repositoryRoot();
  const files = await generatedFiles(root, values.python ?? (await workerPython(root)));
  const stale = await staleFiles(root, files);
  if (values.check) return reportStale(stale);
  for (const path of stale) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), files.get(path) as string);
    console.log(`wrote ${path}`);
  }
  if (stale.length === 0) console.log(`all ${files.size} generated files are up to date`);
  return 0;
}

async function staleFiles(root: string, files: Map<string, string>): Promise<string[]> {
  const stale: string[] = [];
  for (const [path, content] of files) {
    const current = await readFile(join(root, path), "utf8").catch(() => undefined);
    if (current !== content) stale.push(path);
  }
  return stale;
}

function reportStale(stale: string[]): number {
  for (const path of stale) console.error(`${path} is stale: run npm run generate`);
  return stale.length > 0 ? 1 : 0;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: Error) => {
    console.error(error.message);
    process.exitCode = 1;
  },
);
