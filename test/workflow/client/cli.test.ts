import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommandLine } from "../../../client/cli/command-line";
import { ExperimentResult } from "../../../workflows/contracts";
import { scratchFolder } from "../../support/scratch";
import { startTemporal, type TemporalServer } from "../../support/temporal";
import { until } from "../../support/until";
import { labModel } from "../support/experiments";
import { createLaboratory, quietRuntime } from "../support/laboratory";

quietRuntime();
let server: TemporalServer;
beforeAll(async () => {
  server = await startTemporal();
});
afterAll(() => server.stop());

interface CommandLine {
  stdout: string;
  stderr: string;
  exitCode: Promise<number>;
  interrupt(): void;
}

/** A command line under way; `rows` makes its standard output a terminal. */
function belay(args: string[], terminal?: { columns: number; rows: number }): CommandLine {
  const interrupt = new AbortController();
  const line: CommandLine = {
    stdout: "",
    stderr: "",
    exitCode: Promise.resolve(0),
    interrupt: () => interrupt.abort(),
  };
  line.exitCode = runCommandLine(args, {
    stdout: { write: (text) => (line.stdout += text), ...(terminal && { isTTY: true, ...terminal }) },
    stderr: { write: (text) => (line.stderr += text) },
    env: { TEMPORAL_ADDRESS: server.address, TEMPORAL_UI: "http://127.0.0.1:8233" },
    cwd: "/",
    interrupt: interrupt.signal,
  });
  return line;
}

/** An experiment file of three trials, over a file of its own. */
function experimentFile(): string {
  const folder = scratchFolder();
  const file = join(folder, "e.yaml");
  writeFileSync(join(folder, "rows.jsonl"), '{"prompt":"a","completion":"b"}\n');
  writeFileSync(
    file,
    `name: lab\nmodel: ${JSON.stringify(labModel)}\ndataset: rows.jsonl\ntrain: {max_steps: 100}\nsave: {save_steps: 10}
search: {sampler: random, num_trials: 3, max_concurrent_trials: 2}\n`,
  );
  return file;
}

const newId = () => `cli-${randomUUID().slice(0, 8)}`;

describe("belay run", () => {
  test("follows a run to its end: one JSON object on standard output, lines on standard error, exit code 0", async () => {
    const laboratory = await createLaboratory(server);
    const id = newId();
    const line = await laboratory.open(async () => {
      const running = belay(["run", experimentFile(), "--id", id, "--json"]);
      expect(await running.exitCode).toBe(0);
      return running;
    });
    const result = ExperimentResult.parse(JSON.parse(line.stdout));
    expect(result).toMatchObject({ run: id, state: "completed", trials: { completed: 3 } });
    expect(line.stderr).toContain(`run ${id}, http://127.0.0.1:8233/namespaces/default/workflows/${id}`);
    expect(line.stderr).toMatch(/trial 2 completed at step 100\/100, eval_loss /);
    expect(line.stderr).toContain("Reproducibility: verified to L2");
  });

  test("draws a table on a terminal, and leaves the last one standing above the summary", async () => {
    const laboratory = await createLaboratory(server);
    const id = newId();
    const line = await laboratory.open(async () => {
      const running = belay(["run", experimentFile(), "--id", id], { columns: 90, rows: 30 });
      expect(await running.exitCode).toBe(0);
      return running;
    });
    const last = line.stdout.split("\x1b[?2026h").at(-1) ?? "";
    expect(last).toContain(id);
    expect(last).toMatch(/\n.*2\s+completed\s+[\d.]+\s+100\/100/);
    expect(last.indexOf("Best so far: trial")).toBeLessThan(last.indexOf("Look further"));
    const times = (text: string) => line.stdout.split(text).length - 1;
    expect([times("\x1b[?25l"), times("\x1b[?25h")]).toEqual([1, 1]);
  });

  test("on Ctrl-C says how to follow and stop the run, which goes on; watch takes it up", async () => {
    const laboratory = await createLaboratory(server);
    const id = newId();
    await laboratory.open(async () => {
      const hold = laboratory.bench.hold(`${id}/trial-0`, 50);
      const running = belay(["run", experimentFile(), "--id", id]);
      await until(() => hold.reached && /trial 0 running/.test(running.stdout), "trial 0 is seen running");
      running.interrupt();
      expect(await running.exitCode).toBe(130);
      expect(running.stderr).toContain(`npx belay watch ${id}`);
      expect(running.stderr).toContain(`npx belay cancel ${id}`);
      hold.release();
      const watching = belay(["watch", id, "--json"]);
      expect(await watching.exitCode).toBe(0);
      expect(JSON.parse(watching.stdout).run).toBe(id);
    });
  });

  test("attaches to the run of the same experiment, and --detach answers with its id at once", async () => {
    const laboratory = await createLaboratory(server);
    const file = experimentFile();
    await laboratory.open(async () => {
      const detached = belay(["run", file, "--detach"]);
      expect(await detached.exitCode).toBe(0);
      const id = detached.stdout.trim();
      expect(id).toMatch(/^lab-[0-9a-f]{12}$/);
      const attached = belay(["run", file]);
      expect(await attached.exitCode).toBe(0);
      expect(attached.stdout).toContain(`${id} exists already: following it`);
      expect(attached.stdout).toContain(`${id} completed in`);
      const again = belay(["run", file, "--detach", "--json", "--new"]);
      expect(await again.exitCode).toBe(0);
      expect(JSON.parse(again.stdout)).toMatchObject({ run: `${id}-2`, attached: false });
      expect(await belay(["watch", `${id}-2`]).exitCode).toBe(0);
    });
  });

  test("exits with 1 when no trial completed, and sums up what there is", async () => {
    const laboratory = await createLaboratory(server);
    const id = newId();
    const line = await laboratory.open(async () => {
      for (const n of [0, 1, 2]) laboratory.bench.plan(`${id}/trial-${n}`, "diverge", 20);
      const running = belay(["run", experimentFile(), "--id", id, "--json"]);
      expect(await running.exitCode).toBe(1);
      return running;
    });
    expect(JSON.parse(line.stdout)).toMatchObject({
      run: id,
      state: "failed",
      best: null,
      trials: { diverged: 3 },
    });
    expect(line.stderr).toContain("none: no trial completed");
  });

  test("exits with 1 when it was cancelled", async () => {
    const laboratory = await createLaboratory(server);
    const id = newId();
    await laboratory.open(async () => {
      const hold = laboratory.bench.hold(`${id}/trial-0`, 50);
      const running = belay(["run", experimentFile(), "--id", id, "--json"]);
      await until(() => hold.reached, "trial 0 is held");
      expect(await belay(["cancel", id]).exitCode).toBe(0);
      hold.release();
      expect(await running.exitCode).toBe(1);
      expect(JSON.parse(running.stdout)).toMatchObject({ run: id, state: "cancelled" });
      expect(running.stderr).toContain(`belay: ${id} was cancelled`);
      expect(await belay(["pause", id]).exitCode).toBe(2);
    });
  });
});

describe("belay verify and ls", () => {
  test("verify exits with 1 when the winner cannot be repeated", async () => {
    const laboratory = await createLaboratory(server);
    const id = newId();
    await laboratory.open(async () => {
      expect(await belay(["run", experimentFile(), "--id", id]).exitCode).toBe(0);
      const good = belay(["verify", id, "--json"]);
      expect(await good.exitCode).toBe(0);
      expect(JSON.parse(good.stdout)).toMatchObject({ passed: true });
      laboratory.bench.adapterSalt = "changed";
      const bad = belay(["verify", id, "--levels", "L3"]);
      expect(await bad.exitCode).toBe(1);
      expect(bad.stdout).toContain("NOT verified");
      const list = belay(["ls", "--json"]);
      expect(await list.exitCode).toBe(0);
      expect(JSON.parse(list.stdout).runs).toContainEqual(
        expect.objectContaining({ run: id, state: "completed" }),
      );
    });
  });

  test("a run that does not exist is bad input", async () => {
    const laboratory = await createLaboratory(server);
    await laboratory.open(async () => {
      for (const command of ["watch", "pause", "resume", "cancel"]) {
        const line = belay([command, "nowhere"]);
        expect([command, await line.exitCode, line.stderr]).toEqual([
          command,
          2,
          "belay: there is no run nowhere\n       see the runs there are: npx belay ls\n",
        ]);
      }
    });
  });
});
