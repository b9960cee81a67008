import { z } from "zod";

export const Task = z.enum(["causal_lm", "sequence_classification"]).meta({ id: "Task" });
export type Task = z.infer<typeof Task>;

/** The frozen base. */
export const ModelSpec = z
  .strictObject({
    model_name_or_path: z
      .string()
      .min(1)
      .describe("Hub id or local folder (safetensors weights) of the base model."),
    revision: z
      .string()
      .nullable()
      .default(null)
      .describe("Commit of the hub repository; required to be pinned for hub models to be reproducible."),
    dtype: z
      .enum(["auto", "float32", "bfloat16", "float16"])
      .default("auto")
      .describe("Compute dtype of the frozen base. auto: bfloat16 on CUDA, float32 on CPU."),
    load_in_4bit: z.boolean().default(false).describe("Quantise the base to 4 bits (CUDA only)."),
  })
  .meta({ id: "ModelSpec" });
export type ModelSpec = z.infer<typeof ModelSpec>;
