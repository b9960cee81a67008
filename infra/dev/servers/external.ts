import { MissingRequirement } from "../../setup/missing.mjs";
import { BUCKET } from "../prepare/bucket";
import type { StackInfo } from "../stack-info";

type WithoutPid<T> = Omit<T, "pid">;

/** Servers that run elsewhere: an address in the environment comes before everything else. */
export interface External {
  postgres?: WithoutPid<StackInfo["postgres"]>;
  s3?: WithoutPid<StackInfo["s3"]>;
  temporal?: WithoutPid<StackInfo["temporal"]>;
}

export function externalServers(env: NodeJS.ProcessEnv): External {
  return { postgres: externalPostgres(env), s3: externalS3(env), temporal: externalTemporal(env) };
}

function externalPostgres({
  DATABASE_URL: url,
  OPTUNA_DATABASE_URL,
}: NodeJS.ProcessEnv): External["postgres"] {
  if (!url) return undefined;
  if (!URL.canParse(url))
    throw new MissingRequirement(
      "DATABASE_URL is not a URL",
      "set it to postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
    );
  const optuna = new URL(url);
  optuna.pathname = "/optuna";
  // Only SQLAlchemy understands a driver in the scheme.
  return { url, optunaUrl: OPTUNA_DATABASE_URL?.replace(/^(\w+)\+\w+:/, "$1:") || optuna.href };
}

function externalS3(env: NodeJS.ProcessEnv): External["s3"] {
  const { BELAY_S3_ENDPOINT: endpoint, BELAY_S3_ACCESS_KEY: accessKey, BELAY_S3_SECRET_KEY: secretKey } = env;
  if (!endpoint) return undefined;
  if (!accessKey || !secretKey || !URL.canParse(endpoint))
    throw new MissingRequirement(
      "BELAY_S3_ENDPOINT needs a URL, and the keys beside it",
      "set BELAY_S3_ENDPOINT (http://HOST:PORT), BELAY_S3_ACCESS_KEY and BELAY_S3_SECRET_KEY, or none of them",
    );
  return { endpoint, accessKey, secretKey, bucket: env.BELAY_S3_BUCKET || BUCKET };
}

function externalTemporal(env: NodeJS.ProcessEnv): External["temporal"] {
  if (!env.TEMPORAL_ADDRESS) return undefined;
  const namespace = env.TEMPORAL_NAMESPACE || "default";
  return { address: env.TEMPORAL_ADDRESS, namespace, ui: env.TEMPORAL_UI || null };
}
