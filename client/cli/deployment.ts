import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";
import { isOwn } from "../../infra/dev";
import { ExitCode } from "./exit-codes";
import { CommandFailure } from "./failures";

const Stack = z.object({
  stateDir: z.string().optional(),
  temporal: z.object({ address: z.string(), namespace: z.string(), ui: z.string().nullable() }),
  postgres: z.object({ url: z.string(), optunaUrl: z.string() }),
  s3: z.object({ endpoint: z.string(), bucket: z.string(), accessKey: z.string(), secretKey: z.string() }),
});

export interface ObjectStoreAccess {
  endpoint: string;
  bucket: string;
  accessKey: string;
  secretKey: string;
}

/** The services that a command talks to. Null is what was not named. */
export interface Deployment {
  temporal: { address: string; namespace: string; ui: string | null };
  postgres: { url: string | null; optunaUrl: string | null };
  s3: ObjectStoreAccess | null;
}

/** This checkout's stack, unless the environment names another Temporal service. */
export function findDeployment(env: NodeJS.ProcessEnv, stateDir: string): Deployment {
  const path = join(stateDir, "stack.json");
  if (!env.TEMPORAL_ADDRESS) return readStack(path);
  const stack = existsSync(path) ? readStack(path) : null;
  return stack?.temporal.address === env.TEMPORAL_ADDRESS
    ? stack
    : fromEnvironment(env.TEMPORAL_ADDRESS, env);
}

function fromEnvironment(address: string, env: NodeJS.ProcessEnv): Deployment {
  return {
    temporal: { address, namespace: env.TEMPORAL_NAMESPACE || "default", ui: env.TEMPORAL_UI || null },
    postgres: { url: env.DATABASE_URL || null, optunaUrl: env.OPTUNA_DATABASE_URL || null },
    s3: objectStoreOf(env),
  };
}

function objectStoreOf(env: NodeJS.ProcessEnv): ObjectStoreAccess | null {
  const { BELAY_S3_ENDPOINT: endpoint, BELAY_S3_ACCESS_KEY: accessKey, BELAY_S3_SECRET_KEY: secretKey } = env;
  if (!endpoint || !accessKey || !secretKey) return null;
  return { endpoint, bucket: env.BELAY_S3_BUCKET || "belay", accessKey, secretKey };
}

function readStack(path: string): Deployment {
  const notUp = (message: string) =>
    new CommandFailure(ExitCode.missing, message, "start the stack: npx belay up");
  let text: string;
  let stack: z.infer<typeof Stack>;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw notUp("the stack of this checkout is not up");
  }
  try {
    stack = Stack.parse(JSON.parse(text));
  } catch {
    throw notUp(`${path} is not what npx belay up writes`);
  }
  // A checkout that was copied brings along what was written of the stack of the other one.
  if (!isOwn(stack.stateDir, dirname(path))) throw notUp("the stack of this checkout is not up");
  return stack;
}

/** A run's page in Temporal's UI. */
export const runPage = ({ temporal }: Deployment, run: string): string | null =>
  temporal.ui &&
  `${temporal.ui.replace(/\/$/, "")}/namespaces/${temporal.namespace}/workflows/${encodeURIComponent(run)}`;
