import type { z } from "zod";
import type {
  EngineActivities,
  KernelActivities,
  MlActivities,
  PoolActivities,
} from "../workflows/contracts";

/** What an operation does to the world outside its own answer. Policies decide by these. */
export type Effect = "read" | "write" | "execute" | "network" | "spend";

/** Where an operation runs: in the kernel worker, in the ML worker, or on an engine by way of a seat. */
export type QueueClass = "kernel" | "ml" | "engine";

export type ActivityName =
  | keyof KernelActivities
  | keyof MlActivities
  | keyof PoolActivities
  | keyof EngineActivities;

/** One thing that a skill can do, as an activity. */
export interface Operation {
  /** What a planner asks for, such as `model.train`. */
  capability: string;
  activity: ActivityName;
  summary: string;
  input: z.ZodType;
  output: z.ZodType;
  effects: readonly Effect[];
}

/** A skill by its manifest: everything that is known of it without running it. */
export interface Skill {
  /** `<family>/<stage>`. */
  name: string;
  summary: string;
  queue: QueueClass;
  resources: { gpus: number; cpus: number; memoryGiB: number };
  operations: readonly Operation[];
}

export class SkillError extends Error {
  override readonly name = "SkillError";
}

/** Checks a manifest where it is written, so that a mistake shows at start and not in a run. */
export function defineSkill(skill: Skill): Skill {
  if (skill.operations.length === 0) throw new SkillError(`${skill.name} has no operation`);
  for (const { capability, effects } of skill.operations) {
    if (!/^[a-z]+\.[a-zA-Z]+$/.test(capability))
      throw new SkillError(`${skill.name}: ${capability} is not a capability such as model.train`);
    if (effects.length === 0) throw new SkillError(`${skill.name}: ${capability} declares no effect`);
  }
  return Object.freeze(skill);
}
