import type { Check } from "../setup/preflight.mjs";
import { diagnose } from "./doctor";
import { Stack, type StackOptions } from "./stack";
import type { StackInfo, StackStatus } from "./stack-info";

export type { Check } from "../setup/preflight.mjs";
export type { StackEvent } from "./events";
export { isOwn } from "./ownership";
export { Stack, type StackOptions } from "./stack";
export type { PartName, StackInfo, StackStatus, WorkerName } from "./stack-info";

/** Starts what is not up of this checkout's stack, or of another one by `stateDir`. */
export const up = (options?: StackOptions): Promise<StackInfo> => new Stack(options).up();

export const status = (options?: StackOptions): Promise<StackStatus> => new Stack(options).status();

/** Addresses and credentials of a stack that is up; undefined when it is not. */
export const loadStack = (options?: StackOptions): StackInfo | undefined => new Stack(options).load();

/** Looks at the machine, the set-up and the stack. */
export const doctor = async (options?: StackOptions): Promise<Check[]> => diagnose(await status(options));
