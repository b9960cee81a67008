import type { Command } from "commander";
import { loadExperimentFile } from "../../spec/load";
import { type Context, consoleOf } from "../context";
import { collect } from "../options";

export function addValidate(program: Command, context: Context): void {
  program
    .command("validate")
    .description("check an experiment file and say everything that is wrong with it; starts nothing")
    .argument("<file>", "experiment file (YAML or JSON)")
    .option("--set <key=value>", "override a setting; may be repeated", collect)
    .option("--json", "print the complete experiment, every default filled in, as JSON")
    .addHelpText("after", "\nExample:\n  npx belay validate experiment.yaml --set search.num_trials=4")
    .action((file: string, options: { set?: string[]; json?: boolean }) => {
      const { spec, inputs } = loadExperimentFile(file, { set: options.set, cwd: context.cwd });
      const console = consoleOf(context, options);
      if (options.json) console.emit(spec);
      const { num_trials, sampler, metric } = spec.search;
      console.say(
        `${file} is a valid experiment: ${spec.name}, ${num_trials} trials by ${sampler}, ${metric} ${spec.search.mode}.`,
        ...inputs.map(({ path, absolute }) => `  ${path.join(".")}: ${absolute}`),
      );
    });
}
