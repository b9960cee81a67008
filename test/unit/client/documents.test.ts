import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import type { Context } from "../../../client/cli/context";
import { createProgram } from "../../../client/cli/program";
import { repositoryRoot } from "../../../infra/setup/home.mjs";
import { unpinned } from "../../../workflows/contracts/experiment/hub-model";
import { parseExperiment } from "../../../workflows/contracts/experiment/normalize";

const read = (name: string) => readFileSync(join(repositoryRoot(), name), "utf8");
const program = createProgram(
  { stdout: process.stdout, stderr: process.stderr } as unknown as Context,
  "0.0.0",
);

describe("what the documents show", () => {
  it.each(["README.md", "docs/operations.md"])("%s names commands and options that exist", (name) => {
    const shown = [...read(name).matchAll(/npx belay ([a-z]+)([^\n`]*)/g)];
    expect(shown.length).toBeGreaterThan(3);
    for (const [text, command, rest] of shown) {
      const known = program.commands.find((each) => each.name() === command);
      expect(known, text).toBeDefined();
      const options = [...(rest ?? "").matchAll(/(?<= )--[a-z]+/g)].map(([option]) => option);
      const existing = [...(known?.options.map(({ long }) => long) ?? []), "--help"];
      expect(existing, text).toEqual(expect.arrayContaining(options));
    }
  });

  it("docs/operations.md has every command with every option in its table", () => {
    const table = read("docs/operations.md");
    for (const command of program.commands) {
      const row = table
        .split("\n")
        .find((line) => line.startsWith("|") && new RegExp(`\`${command.name()}\\b`).test(line));
      expect(row, command.name()).toBeDefined();
      for (const { long } of command.options) expect(row, command.name()).toContain(long);
    }
  });

  it("README's experiment is one", () => {
    const [, yaml] = /```yaml\n([\s\S]*?)```/.exec(read("README.md")) ?? [];
    const parsed = parseExperiment(parse(yaml ?? ""));
    expect(parsed).toMatchObject({ ok: true, spec: { name: "support-bot" } });
    if (parsed.ok) expect(unpinned(parsed.spec.model)).toBeUndefined();
  });
});
