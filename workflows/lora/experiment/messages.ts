import { ApplicationFailure, setHandler } from "@temporalio/workflow";
import { isMapping } from "../../contracts/experiment/mapping";
import { SetMaxConcurrentTrials } from "../../contracts/messages";
import { isCancellable, isPausable } from "../../lifecycle/run-states";
import * as definitions from "../definitions";
import type { ExperimentRun } from "./experiment-run";

/** Wires every message. Handlers record and return; the workflow's own loop acts on what they recorded. */
export function wireMessages(run: ExperimentRun): void {
  const refuse = (what: string) =>
    ApplicationFailure.nonRetryable(`a run that is ${run.machine.state} cannot be ${what}`, "Unsupported");

  setHandler(definitions.statusQuery, () => run.status(), {
    description: "State, stage, counts and best trial of the run",
  });
  setHandler(definitions.trialsQuery, () => run.trials(), {
    description: "Open trials, and the hundred that ended last",
  });
  // A signal that a person sent by hand stays in the history: one that says nothing must not stop the run for good.
  setHandler(definitions.rungReportSignal, (report) => {
    if (isMapping(report)) run.receive({ report });
  });
  setHandler(definitions.trialOutcomeSignal, (outcome) => {
    if (isMapping(outcome)) run.receive({ outcome });
  });
  setHandler(
    definitions.pauseUpdate,
    () => {
      run.pause();
      return run.status();
    },
    {
      description: "Checkpoint and stop all trials, start no further one",
      validator: () => {
        if (!isPausable(run.machine.state)) throw refuse("paused");
      },
    },
  );
  setHandler(
    definitions.resumeUpdate,
    () => {
      run.resume();
      return run.status();
    },
    {
      description: "Go on after a pause",
      validator: () => {
        if (!isPausable(run.machine.state)) throw refuse("resumed");
      },
    },
  );
  setHandler(
    definitions.cancelUpdate,
    () => {
      run.cancel();
      return run.status();
    },
    {
      description: "Stop the run and its trials",
      validator: () => {
        if (!isCancellable(run.machine.state)) throw refuse("cancelled");
      },
    },
  );
  setHandler(
    definitions.setMaxConcurrentTrialsUpdate,
    ({ maxConcurrentTrials }) => {
      run.setMaxConcurrentTrials(maxConcurrentTrials);
      return run.status();
    },
    {
      description: "How many trials may run at once, from now on",
      validator: (argument) => {
        const parsed = SetMaxConcurrentTrials.safeParse(argument);
        if (parsed.success) return;
        throw ApplicationFailure.nonRetryable(
          `expected {"maxConcurrentTrials": a whole number from 1 to 256}, got ${JSON.stringify(argument)}`,
          "InvalidSpec",
        );
      },
    },
  );
}
