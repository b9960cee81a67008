import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadExperimentFile } from "../../../../client/spec/load";
import { experimentFolder, GOOD } from "../../../support/experiment-file";

const { path: folder, complaints } = experimentFolder();

describe("a good experiment file", () => {
  it("is complete, with its local paths absolute from the file's folder, wherever one is", () => {
    writeFileSync(join(folder(), "good.yaml"), GOOD);
    const { spec, inputs } = loadExperimentFile(join(folder(), "good.yaml"), { cwd: "/" });
    expect(spec.model.model_name_or_path).toBe(join(folder(), "base"));
    expect(spec.dataset.path).toBe(join(folder(), "train.jsonl"));
    expect(spec.search.num_trials).toBe(32);
    expect(inputs.map(({ path }) => path.join("."))).toEqual(["model.model_name_or_path", "dataset.path"]);
  });

  it("keeps a hub model's id", () => {
    writeFileSync(
      join(folder(), "hub.yaml"),
      GOOD.replace("./base", `Qwen/Qwen3-0.6B\nrevision: ${"c".repeat(40)}`),
    );
    expect(loadExperimentFile("hub.yaml", { cwd: folder() }).spec.model.model_name_or_path).toBe(
      "Qwen/Qwen3-0.6B",
    );
  });

  it("may be JSON, may use anchors and merge keys, and may be overridden", () => {
    writeFileSync(
      join(folder(), "e.json"),
      JSON.stringify({ name: "j", model: join(folder(), "base"), dataset: "train.jsonl" }),
    );
    expect(loadExperimentFile("e.json", { cwd: folder() }).spec.name).toBe("j");
    const merged = `${GOOD}train: &t {learning_rate: 1e-3}\nsearch:\n  asha: &a {grace_steps: 5}\n`;
    writeFileSync(join(folder(), "m.yaml"), merged);
    const { spec } = loadExperimentFile("m.yaml", {
      cwd: folder(),
      set: ["search.num_trials=4", "search.space.r=[4, 8]", "name=other", "lora.lora_alpha=2r"],
    });
    expect(spec.train.learning_rate).toBe(1e-3);
    expect(spec.search.asha.grace_steps).toBe(5);
    expect(spec.search.num_trials).toBe(4);
    expect(spec.search.space).toEqual({ r: { choice: [4, 8] } });
    expect(spec.name).toBe("other");
    expect(spec.lora.lora_alpha).toBe("2r");
  });

  it("changes one use of an alias only, when one is overridden", () => {
    writeFileSync(join(folder(), "a.yaml"), `${GOOD}search:\n  asha: &p {grace_steps: 5}\n  median: *p\n`);
    const { spec } = loadExperimentFile("a.yaml", { cwd: folder(), set: ["search.asha.grace_steps=9"] });
    expect([spec.search.asha.grace_steps, spec.search.median.grace_steps]).toEqual([9, 5]);
  });
});

describe("a file that cannot be read", () => {
  const refusal = (file: string) => {
    try {
      loadExperimentFile(file, { cwd: folder() });
    } catch (error) {
      return (error as Error).message;
    }
    return "";
  };

  it("is named with the reason", () => {
    expect(refusal("nowhere.yaml")).toBe("nowhere.yaml: no such file");
    expect(refusal("train.jsonl/x.yaml")).toBe("train.jsonl/x.yaml: no such file");
    expect(refusal("base")).toBe("base: is a folder; name the experiment's YAML file");
    expect(refusal("/dev/null")).toBe("/dev/null: is not a regular file");
  });

  it("is refused above 256 KB, also when it hides its size", () => {
    expect(complaints(`# ${"x".repeat(300 * 1024)}\n${GOOD}`)).toEqual([
      "e.yaml: has 301 KB; an experiment file may have at most 256 KB",
    ]);
  });

  it("must be UTF-8", () => {
    expect(complaints(Buffer.from([0x6e, 0xff, 0xfe, 0x00]))).toEqual(["e.yaml: is not UTF-8 text"]);
  });

  it("is followed through a link", () => {
    writeFileSync(join(folder(), "good.yaml"), GOOD);
    symlinkSync(join(folder(), "good.yaml"), join(folder(), "link.yaml"));
    expect(loadExperimentFile("link.yaml", { cwd: folder() }).spec.name).toBe("demo");
  });
});
