import type { Command } from "commander";
import type { Run } from "../../run";
import { type Context, consoleOf, withBelay } from "../context";

interface Steering {
  name: string;
  description: string;
  steer: (run: Run) => Promise<void>;
  said: (run: string) => string;
}

const PAUSE: Steering = {
  name: "pause",
  description: "pause a run: running trials checkpoint and give their seats back",
  steer: (run) => run.pause(),
  said: (run) => `${run} is pausing; npx belay resume ${run} takes it up again.`,
};

const RESUME: Steering = {
  name: "resume",
  description: "take a paused run up again, from its checkpoints",
  steer: (run) => run.resume(),
  said: (run) => `${run} goes on.`,
};

const CANCEL: Steering = {
  name: "cancel",
  description: "stop a run for good; what its finished trials stored is kept",
  steer: (run) => run.cancel(),
  said: (run) => `${run} is being cancelled.`,
};

const add =
  ({ name, description, steer, said }: Steering) =>
  (program: Command, context: Context): void => {
    program
      .command(name)
      .description(description)
      .argument("<run>", "the run's id")
      .addHelpText("after", `\nExample:\n  npx belay ${name} quickstart-3f1c0a9b27de`)
      .action((id: string) =>
        withBelay(context, async (belay) => {
          await steer(belay.attach(id));
          consoleOf(context).say(said(id));
        }),
      );
  };

export const addPause = add(PAUSE);
export const addResume = add(RESUME);
export const addCancel = add(CANCEL);
