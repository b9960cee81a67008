import type { EvalOutput, ExperimentSpec } from "../../../workflows/contracts";
import { clip } from "./format";
import type { SampleView } from "./report-data";

const shown = 12;
/** Characters; engines tell long texts with their middle left out, which are shorter. */
const longest = 2100;

/** Base and winner answered the same test prompts; they are put side by side by prompt. */
export function samples(
  base: EvalOutput | null,
  best: EvalOutput | null,
  spec: ExperimentSpec,
): SampleView[] {
  const right = (expected: string, got: string) => comparable(expected, spec) === comparable(got, spec);
  const byPrompt = new Map((base?.samples ?? []).map((s) => [s.prompt, s]));
  const leading = best?.samples.length ? best.samples : (base?.samples ?? []);
  return leading.slice(0, shown).map((s) => {
    const before = byPrompt.get(s.prompt) ?? null;
    const after = best?.samples.length ? s : null;
    return {
      prompt: clip(s.prompt, longest),
      expected: clip(s.expected, longest),
      base: before && clip(before.got, longest),
      best: after && clip(after.got, longest),
      baseRight: before && right(before.expected, before.got),
      bestRight: after && right(after.expected, after.got),
    };
  });
}

const comparable = (text: string, spec: ExperimentSpec): string =>
  spec.eval.generation.ignore_spaces ? text.replace(/\s+/g, "") : text.trim();
