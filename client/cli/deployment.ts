import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { CommandFailure } from "./failures";
import { ExitCode } from "./exit-codes";

const Stack = z.object({
  temporal: z.object({ address: z.string(), ui: z.string().nullable().optional() }),
  postgres: z.object({ url: z.string() }),
  s3: z.object({ endpoint: z.string(), bucket: z.string(), accessKey: z.string(), secretKey: z.string() }),
});

export interface ObjectStoreAccess {
  endpoint: string;
  bucket: string;
  accessKey: string;
  secretKey: string;
}

/** The services that a command talks to. */
export interface Deployment {
  temporal: { address: string; namespace: string; ui: string | null };
  /** Null where only Temporal was named. */
  postgresUrl: string | null;
  s3: ObjectStoreAccess | null;
}

/** The one that the environment names (TEMPORAL_ADDRESS), else this checkout's stack. */
export function findDeployment(env: NodeJS.ProcessEnv, stateDir: string): Deployment {
  const namespace = env.TEMPORAL_NAMESPACE || "default";
  if (env.TEMPORAL_ADDRESS)
    return {
      temporal: { address: env.TEMPORAL_ADDRESS, namespace, ui: env.TEMPORAL_UI || null },
      postgresUrl: env.DATABASE_URL || null,
      s3: objectStoreOf(env),
    };
  const { temporal, postgres, s3 } = readStack(join(stateDir, "stack.json"));
  return {
    temporal: { address: temporal.address, namespace, ui: temporal.ui ?? null },
    postgresUrl: postgres.url,
    s3: { endpoint: s3.endpoint, bucket: s3.bucket, accessKey: s3.accessKey, secretKey: s3.secretKey },
  };
}

function objectStoreOf(env: NodeJS.ProcessEnv): ObjectStoreAccess | null {
  const { BELAY_S3_ENDPOINT: endpoint, BELAY_S3_ACCESS_KEY: accessKey, BELAY_S3_SECRET_KEY: secretKey } = env;
  if (!endpoint || !accessKey || !secretKey) return null;
  return { endpoint, bucket: env.BELAY_S3_BUCKET || "belay", accessKey, secretKey };
}

function readStack(path: string): z.infer<typeof Stack> {
  const notUp = (message: string) => new CommandFailure(ExitCode.missing, message, "start the stack: belay up");
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw notUp("the stack of this checkout is not up");
  }
  try {
    return Stack.parse(JSON.parse(text));
  } catch {
    throw notUp(`${path} is not what belay up writes`);
  }
}

/** A run's page in Temporal's UI. */
export const runPage = ({ temporal }: Deployment, run: string): string | null =>
  temporal.ui && `${temporal.ui.replace(/\/$/, "")}/namespaces/${temporal.namespace}/workflows/${encodeURIComponent(run)}`;
