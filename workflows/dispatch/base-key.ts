/**
 * Names the frozen base a job needs, so that an engine which holds it already is preferred. Jobs without a model
 * share one key.
 */
export function baseKey(params: Record<string, unknown>): string {
  const model = params.model as
    | { model_name_or_path: string; revision: string | null; dtype: string; load_in_4bit: boolean }
    | undefined;
  if (model === undefined) return "none";
  return [
    model.model_name_or_path,
    model.revision ?? "-",
    model.dtype,
    model.load_in_4bit ? "4bit" : "full",
  ].join("|");
}
