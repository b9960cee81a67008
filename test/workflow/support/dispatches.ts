import type { Bench } from "./bench";

/** Each time that a training job of the subject came to an engine. */
export const dispatchesOf = (bench: Bench, subject: string) =>
  bench.started.filter((start) => start.subject === subject);
