import { describe, expect, it } from "vitest";
import { parseExperiment } from "../../../workflows/contracts/experiment/normalize";

const complaints = (section: object) => {
  const parsed = parseExperiment({ name: "x", model: "/base", dataset: "/rows.jsonl", ...section });
  return parsed.ok ? [] : parsed.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
};

describe("a value is shown as its author wrote it", () => {
  it.each([
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "Infinity"],
    [Number.NEGATIVE_INFINITY, "-Infinity"],
  ])("%s", (value, shown) => {
    expect(complaints({ train: { learning_rate: value } })).toEqual([
      `train.learning_rate: expected a number, got ${shown}`,
    ]);
    expect(complaints({ train: { lr_scheduler_type: [value] } })).toEqual([
      expect.stringContaining(`got ["${shown}"]`),
    ]);
  });

  it("and an empty path is none", () => {
    for (const section of [{ output: { export_dir: "" } }, { dataset: { path: "/rows", test_path: "" } }])
      expect(complaints(section)).toEqual([expect.stringMatching(/^\w+\.\w+: must not be empty$/)]);
  });
});
