/** What the process ends with, for scripts to branch on. */
export const ExitCode = {
  done: 0,
  /** The run, or its verification, failed; or Belay did. */
  failed: 1,
  /** What was asked for is wrong: an option, an experiment, a run that does not exist. */
  badInput: 2,
  /** Something that has to be on this machine is not: a program, disk space, a running stack. */
  missing: 3,
  interrupted: 130,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
