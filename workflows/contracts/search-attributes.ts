/**
 * Search attributes of experiments and their trials, by name and indexed type. Registered in the namespace by the
 * stack; never secret, never encoded.
 */
export const SearchAttributeTypes = {
  /** The run's id: finds an experiment together with its trials. */
  BelayExperiment: "KEYWORD",
  /** Number of the trial; set on trials only. */
  BelayTrial: "INT",
  /** State of the run or of the trial. */
  BelayState: "KEYWORD",
  /** Objective value of the trial, or the best one of the experiment so far. */
  BelayObjective: "DOUBLE",
} as const;
