import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ApplicationFailure, type WorkflowFailedError } from "@temporalio/client";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createObjectStore, type ObjectStore } from "../../activities/artifacts/object-store";
import type { ExperimentInput } from "../../workflows/contracts";
import { openRows } from "./support/facts";
import { patience, Rig } from "./support/rig";
import { tinySearch } from "./support/search";

let rig: Rig;
let store: ObjectStore;
let folder: string;
beforeAll(async () => {
  rig = await Rig.start();
  store = createObjectStore(rig.info.s3);
  folder = mkdtempSync(join(tmpdir(), "belay-refused-"));
}, patience);
afterAll(async () => {
  await rig?.close();
  rmSync(folder, { recursive: true, force: true });
});

type Change = (spec: ExperimentInput) => Record<string, unknown>;

/** Data of one file, which is split where it is read. */
const data =
  (name: string, text: string, rest: object = {}): Change =>
  () => {
    writeFileSync(join(folder, name), text);
    return { dataset: { path: join(folder, name), val_set_size: 2, test_set_size: 2, ...rest } };
  };

/** The base with something done to its folder. */
const base =
  (name: string, spoil: (folder: string) => void): Change =>
  () => {
    const copy = join(folder, name);
    cpSync(join(rig.inputs, "base"), copy, { recursive: true });
    spoil(copy);
    return { model: { model_name_or_path: copy } };
  };

const rows = (count: number, row: (n: number) => object): string =>
  Array.from({ length: count }, (_, n) => `${JSON.stringify(row(n))}\n`).join("");

const searching =
  (change: object): Change =>
  (spec) => ({ search: { ...spec.search, ...change } });

const cases: [string, Change, string, string][] = [
  [
    "a missing file",
    () => ({ dataset: { path: "/no/such.jsonl" } }),
    "InvalidSpec",
    "no such file: /no/such.jsonl",
  ],
  ["an empty file", data("empty.jsonl", ""), "InvalidSpec", "empty.jsonl is empty"],
  [
    "one row",
    data(
      "one.jsonl",
      rows(1, () => ({ prompt: "a", completion: "b" })),
    ),
    "InvalidDataset",
    "1 row, but at least 3 are needed",
  ],
  [
    "a malformed line",
    data("torn.jsonl", `${rows(3, (n) => ({ prompt: `a ${n}`, completion: "b" }))}{"prompt": "a",\n`),
    "InvalidDataset",
    "torn.jsonl, line 4: not valid JSON",
  ],
  [
    "mixed formats",
    data("mixed.jsonl", `${rows(3, (n) => ({ prompt: `a ${n}`, completion: "b" }))}{"text":"c"}\n`),
    "InvalidDataset",
    "mixed.jsonl, line 4",
  ],
  [
    "rows longer than the model takes",
    data(
      "long.jsonl",
      rows(9, (n) => ({ prompt: `give ${n} `.repeat(400), completion: "b" })),
      {
        cutoff_len: 100_000,
      },
    ),
    "InvalidDataset",
    "set cutoff_len to at most",
  ],
  [
    "generation scores on rows that have no prompt",
    (spec) => ({
      ...data(
        "text.jsonl",
        rows(20, (n) => ({ text: `give olga ${n} coins` })),
      )(spec),
      eval: { metrics: ["exact_match"] },
    }),
    "InvalidSpec",
    "exact_match",
  ],
  [
    "a model that is not there",
    () => ({ model: { model_name_or_path: "/no/such/model" } }),
    "ModelUnavailable",
    "no such folder: /no/such/model",
  ],
  [
    "weights as a pickle only",
    base("pickled", (at) => {
      rmSync(join(at, "model.safetensors"));
      writeFileSync(join(at, "pytorch_model.bin"), "");
    }),
    "ModelUnavailable",
    "only as pytorch_model.bin, a pickle",
  ],
  [
    "a model that needs code of its own",
    base("coded", (at) => {
      const config = JSON.parse(readFileSync(join(at, "config.json"), "utf8"));
      const own = { model_type: "nobody-knows-it", auto_map: { AutoConfig: "own.Config" } };
      writeFileSync(join(at, "config.json"), JSON.stringify({ ...config, ...own }));
      writeFileSync(join(at, "own.py"), "raise SystemExit('this was run')\n");
    }),
    "ModelUnavailable",
    "never run",
  ],
  ["an empty list in the space", searching({ space: { r: [] } }), "InvalidSpec", "search.space.r"],
  [
    "bounds the wrong way round",
    searching({ space: { learning_rate: { loguniform: [1e-2, 1e-4] } } }),
    "InvalidSpec",
    "search.space.learning_rate",
  ],
  ["no trial", searching({ num_trials: 0 }), "InvalidSpec", "search.num_trials"],
  ["a name with a slash", () => ({ name: "a/b" }), "InvalidSpec", "name"],
  ["a rank wider than the layers", searching({ space: { r: { choice: [4, 4096] } } }), "InvalidSpec", "4096"],
];

test.each(cases)(
  "%s is refused with one message, and leaves a closed row and nothing else",
  async (what, change, type, message) => {
    const run = `refused-${what.replace(/\W+/g, "-")}`;
    const spec = tinySearch(rig.inputs);
    const before = new Set((await store.list("objects/")).map(({ key }) => key));
    const handle = await rig.start(run, { ...spec, ...change(spec) } as ExperimentInput);
    const error = await handle.result().then(
      () => undefined,
      (reason: WorkflowFailedError) => reason.cause,
    );
    expect(error).toBeInstanceOf(ApplicationFailure);
    const failure = error as ApplicationFailure;
    expect({ type: failure.type, message: failure.message }).toEqual({
      type,
      message: expect.stringContaining(message),
    });
    expect(failure.message).not.toMatch(/Traceback|\n\s+at /);

    const [row] = await rig.rows("SELECT state, error->>'type' AS type, ended_at FROM runs WHERE run = $1", [
      run,
    ]);
    expect(row).toEqual({ state: "failed", type, ended_at: expect.any(Date) });
    expect(await openRows(rig, run)).toEqual([]);
    for (const table of ["trials", "rungs", "artifacts"])
      expect(await rig.rows(`SELECT FROM ${table} WHERE run = $1`, [run])).toEqual([]);
    expect(await store.list(`runs/${run}/`)).toEqual([]);
    // What a stage had stored before the next one refused is whole: its bytes are what its name says.
    for (const { key } of await store.list("objects/")) {
      if (before.has(key)) continue;
      const stored = await store.read(key);
      expect(
        createHash("sha256")
          .update(stored?.bytes ?? "")
          .digest("hex"),
      ).toBe(key.split("/").at(-1));
    }
  },
  patience,
);
