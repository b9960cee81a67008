/** Names that LLaMA-Factory, Axolotl, TRL and Optuna use for our keys, by section. */
export const aliases: Record<string, Record<string, string>> = {
  model: {
    base_model: "model_name_or_path",
    model_name: "model_name_or_path",
    model_revision: "revision",
    torch_dtype: "dtype",
  },
  dataset: {
    sequence_len: "cutoff_len",
    max_length: "cutoff_len",
    max_seq_length: "cutoff_len",
    val_size: "val_set_size",
    test_size: "test_set_size",
    sample_packing: "packing",
    train_on_inputs: "train_on_prompt",
    chat_template: "template",
  },
  train: {
    micro_batch_size: "per_device_train_batch_size",
    num_epochs: "num_train_epochs",
    lr: "learning_rate",
    lr_scheduler: "lr_scheduler_type",
    optimizer: "optim",
  },
  lora: {
    lora_rank: "r",
    lora_r: "r",
    lora_target: "target_modules",
    lora_target_modules: "target_modules",
    lora_target_linear: "target_modules",
    lora_modules_to_save: "modules_to_save",
    peft_use_rslora: "use_rslora",
    peft_use_dora: "use_dora",
  },
  search: { n_trials: "num_trials", parameters: "space", direction: "mode" },
  eval: { per_device_eval_batch_size: "batch_size", eval_batch_size: "batch_size" },
  output: { hub_model_id: "push_to_hub" },
};

/** Spellings that would mean something else outside their section. */
export const localAliases: Record<string, Record<string, string>> = {
  train: { batch_size: "per_device_train_batch_size", epochs: "num_train_epochs" },
  lora: { rank: "r", alpha: "lora_alpha", dropout: "lora_dropout" },
};

/** A section written as a single text means this key of it. */
export const shorthandKeys: Record<string, string> = { model: "model_name_or_path", dataset: "path" };

const isAll = (value: unknown): boolean => value === "all" || value === "all_linear";

/** Values that peers spell differently, by canonical key. */
export function normalizeValue(section: string, key: string, written: string, value: unknown): unknown {
  if (section === "lora" && key === "target_modules") {
    if (written === "lora_target_linear") return value === true ? "all-linear" : value;
    if (isAll(value) || (Array.isArray(value) && value.length === 1 && isAll(value[0]))) return "all-linear";
    if (typeof value === "string" && value !== "all-linear")
      return value.split(",").map((name) => name.trim());
  }
  if (section === "train" && key === "max_steps" && value === -1) return null;
  if (section === "search" && key === "mode") {
    if (value === "minimize") return "min";
    if (value === "maximize") return "max";
  }
  return value;
}
