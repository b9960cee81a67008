import type { Command } from "commander";
import { type Context, consoleOf } from "../context";
import { loadExperiment } from "../load-experiment";
import { collect } from "../options";

export function addValidate(program: Command, context: Context): void {
  program
    .command("validate")
    .description(
      "check an experiment file and say everything that is wrong with it; starts no run (what an example of ours reads is made, where it is not there yet)",
    )
    .argument("<file>", "experiment file (YAML or JSON)")
    .option("--set <key=value>", "override a setting; may be repeated", collect)
    .option("--json", "print the complete experiment, every default filled in, as JSON")
    .addHelpText("after", "\nExample:\n  npx belay validate experiment.yaml --set search.num_trials=4")
    .action(async (file: string, options: { set?: string[]; json?: boolean }) => {
      const console = consoleOf(context, options);
      const { spec, inputs } = await loadExperiment(file, options.set, console, context);
      if (options.json) console.emit(spec);
      const { num_trials, sampler, metric } = spec.search;
      console.say(
        `${file} is a valid experiment: ${spec.name}, ${num_trials} ${num_trials === 1 ? "trial" : "trials"} by ${sampler}, ${metric} ${spec.search.mode}.`,
        ...inputs.map(({ path, absolute }) => `  ${path.join(".")}: ${absolute}`),
      );
    });
}
