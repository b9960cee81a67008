// @ts-check

/**
 * Something this machine lacks. Entry points print the message and the remedy (never a stack trace) and
 * end with exit code 3.
 */
export class MissingRequirement extends Error {
  /**
   * @param {string} message What is missing, in one line.
   * @param {string} remedy What the person can do about it.
   */
  constructor(message, remedy) {
    super(message);
    this.name = "MissingRequirement";
    this.remedy = remedy;
    this.exitCode = 3;
  }
}

/**
 * @param {unknown} error
 * @returns {error is MissingRequirement}
 */
export function isMissingRequirement(error) {
  return error instanceof Error && error.name === "MissingRequirement";
}
