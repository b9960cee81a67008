import { type Operation, type Skill, SkillError } from "./define";
import { artifactSkill, hubSkill } from "./peft-lab/artifact/manifest";
import { configSkill } from "./peft-lab/config/manifest";
import { datasetSkill } from "./peft-lab/dataset/manifest";
import { compareSkill, evalSkill } from "./peft-lab/eval/manifest";
import { hpoSkill } from "./peft-lab/hpo/manifest";
import { mergeSkill } from "./peft-lab/merge/manifest";
import { trainingSkill } from "./peft-lab/training/manifest";

/** Every skill there is. */
export const catalog: readonly Skill[] = [
  datasetSkill,
  configSkill,
  hpoSkill,
  trainingSkill,
  evalSkill,
  compareSkill,
  mergeSkill,
  artifactSkill,
  hubSkill,
];

/** Operations by capability. @throws SkillError when two skills claim the same. */
export function operationsByCapability(
  skills: readonly Skill[] = catalog,
): Map<string, Operation & { skill: string }> {
  const found = new Map<string, Operation & { skill: string }>();
  for (const skill of skills)
    for (const operation of skill.operations) {
      const other = found.get(operation.capability);
      if (other) throw new SkillError(`${skill.name} and ${other.skill} both claim ${operation.capability}`);
      found.set(operation.capability, { ...operation, skill: skill.name });
    }
  return found;
}
