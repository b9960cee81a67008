import { join } from "node:path";
import { activitySignatures } from "./activity-signatures";
import { contractSchema } from "./contract-schema";
import { experimentReference } from "./experiment-reference";
import { format, pythonModels } from "./python-models";
import { pythonNames, pythonPackage } from "./python-names";

/** Every generated file, as path from the repository's root and content. */
export async function generatedFiles(root: string, python: string): Promise<Map<string, string>> {
  const schema = contractSchema();
  const packageDir = join(root, "gpu-worker");
  const contractFile = join(root, "workflows", "contracts", "activities.ts");
  const activities = ["MlActivities", "PoolActivities", "EngineActivities"].flatMap((name) => {
    return activitySignatures(contractFile, name);
  });
  const models = await pythonModels(schema.$defs, python, packageDir);
  const named = Object.keys(schema.$defs).filter((name) =>
    new RegExp(`^(class )?${name}\\b`, "m").test(models),
  );
  return new Map([
    ["workflows/contracts/generated/contracts.schema.json", `${JSON.stringify(schema, null, 2)}\n`],
    ["gpu-worker/belay_gpu/contracts/models.py", models],
    ["gpu-worker/belay_gpu/contracts/names.py", await format(pythonNames(activities), python, packageDir)],
    ["gpu-worker/belay_gpu/contracts/__init__.py", await format(pythonPackage(named), python, packageDir)],
    ["docs/experiment-yaml.md", experimentReference(schema.$defs)],
  ]);
}
