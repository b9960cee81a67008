import { formatSpecIssues, parseExperiment } from "../../workflows/contracts/experiment/normalize";

/** The least that is an experiment. */
export const minimal = { name: "a", model: { model_name_or_path: "/m" }, dataset: { path: "/d.jsonl" } };

export const spec = (raw: unknown) => {
  const parsed = parseExperiment(raw);
  if (!parsed.ok) throw new Error(formatSpecIssues(parsed.issues));
  return parsed.spec;
};

export const complaints = (raw: unknown): string[] => {
  const parsed = parseExperiment(raw);
  return parsed.ok ? [] : formatSpecIssues(parsed.issues).split("\n");
};
