import { type Command, InvalidArgumentError } from "commander";
import { type ReproducibilityVerdict, VerifyLevel } from "../../../workflows/contracts";
import type { Belay } from "../../belay";
import { isInputError, VerificationError } from "../../errors";
import type { Console } from "../console";
import { type Context, consoleOf, withBelay } from "../context";
import { ExitCode } from "../exit-codes";
import { followVerification } from "../follow-verification";
import { verdictLines } from "../summary";

interface Options {
  levels?: VerifyLevel[];
  json?: boolean;
}

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
    .action((id: string, options: Options) =>
      withBelay(context, async (belay) => {
        const console = consoleOf(context, options);
        console.say(`Verifying ${id} …`);
        const verdict = await verdictOn(id, options, belay, console, context);
        if (options.json) console.emit(verdict);
        console.say(...verdictLines(verdict, console.paint));
        context.exitCode = verdict.passed ? ExitCode.done : ExitCode.failed;
      }),
    );
}

async function verdictOn(
  run: string,
  { levels }: Options,
  belay: Belay,
  console: Console,
  context: Context,
): Promise<ReproducibilityVerdict> {
  const verification = await belay.startVerification(run, levels);
  try {
    return await followVerification(verification, console, context.interrupt);
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error;
    if (error.type === "CorruptArtifact") return withoutManifest(error.message);
    if (console.json && !isInputError(error.type)) console.emit(failureObject(error));
    throw error;
  }
}

/** Everything else is checked by what the manifest says, so that its loss is the verdict. */
const withoutManifest = (message: string): ReproducibilityVerdict => ({
  level: null,
  passed: false,
  details: [{ level: "L0", passed: false, message }],
});

/** What `--json` prints of a verification that came to no verdict. */
const failureObject = ({ type, message }: VerificationError) => ({
  level: null,
  passed: false,
  details: [],
  error: { type, message },
});

function parseLevels(list: string): VerifyLevel[] {
  const levels = list.split(",").map((each) => each.trim().toUpperCase());
  if (levels.every((each): each is VerifyLevel => VerifyLevel.options.includes(each as VerifyLevel)))
    return levels;
  throw new InvalidArgumentError(`expected some of ${VerifyLevel.options.join(", ")}, separated by commas.`);
}
