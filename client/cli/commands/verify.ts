import { type Command, InvalidArgumentError } from "commander";
import type { VerifyLevel } from "../../belay";
import { type Context, consoleOf, withBelay } from "../context";
import { ExitCode } from "../exit-codes";
import { verdictLines } from "../summary";

const LEVELS: readonly VerifyLevel[] = ["L0", "L1", "L2", "L3"];

export function addVerify(program: Command, context: Context): void {
  program
    .command("verify")
    .description("check a finished run against its manifest again")
    .argument("<run>", "the run's id")
    .option(
      "--levels <list>",
      "only these, such as L0,L1 (default: all that the run was made for)",
      parseLevels,
    )
    .option("--json", "print the verdict as one JSON object")
    .addHelpText(
      "after",
      `
L0  every artifact against its hash
L1  the winner's metrics, computed again from its adapter
L2  the first steps of its training, replayed
L3  the winner trained again from the manifest alone: the same bits

Example:
  npx belay verify quickstart-3f1c0a9b27de --levels L0,L1`,
    )
    .action((id: string, options: { levels?: VerifyLevel[]; json?: boolean }) =>
      withBelay(context, async (belay) => {
        const console = consoleOf(context, options);
        console.say(`Verifying ${id} …`);
        const verdict = await belay.verify(id, options.levels);
        if (options.json) console.emit(verdict);
        console.say(...verdictLines(verdict, console.paint));
        context.exitCode = verdict.passed ? ExitCode.done : ExitCode.failed;
      }),
    );
}

function parseLevels(list: string): VerifyLevel[] {
  const levels = list.split(",").map((each) => each.trim().toUpperCase());
  if (levels.every((each): each is VerifyLevel => LEVELS.includes(each as VerifyLevel))) return levels;
  throw new InvalidArgumentError(`expected some of ${LEVELS.join(", ")}, separated by commas.`);
}
