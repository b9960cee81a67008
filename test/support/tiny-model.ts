import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../../infra/setup/home.mjs";
import { readyTools } from "../../infra/setup/toolchain";

export interface TinyTask {
  /** A random Llama with its tokenizer. */
  model: string;
  /** Prompts of some words, whose completion is the first of them again. */
  rows: string;
}

/** A model and rows that train in milliseconds, in a folder. */
export function tinyTask(folder: string, rows = 64): TinyTask {
  const tools = readyTools();
  if (tools === undefined) throw new Error("set-up has not run: there is no Python environment");
  const model = join(folder, "model");
  mkdirSync(model, { recursive: true });
  const script =
    "import sys; from pathlib import Path; from tests.support.tiny import save_llama; save_llama(Path(sys.argv[1]))";
  const cwd = join(repositoryRoot(), "gpu-worker");
  execFileSync(tools.python, ["-c", script, model], { cwd, stdio: ["ignore", "ignore", "inherit"] });
  const word = (row: number, place: number) => `w${(row * 7 + place * 13) % 62}`;
  const lines = Array.from({ length: rows }, (_, row) => {
    const words = [0, 1, 2].map((place) => word(row, place));
    return JSON.stringify({ prompt: `${words.join(" ")} `, completion: words[0] });
  });
  const path = join(folder, "rows.jsonl");
  writeFileSync(path, `${lines.join("\n")}\n`);
  return { model, rows: path };
}
