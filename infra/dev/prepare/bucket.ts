import { Client } from "minio";

export const BUCKET = "belay";

export interface BucketAccess {
  endpoint: string;
  bucket: string;
  accessKey: string;
  secretKey: string;
}

/** The bucket for all artifacts, with versioning: an object that is written again keeps its former content. */
export async function prepareBucket({ endpoint, bucket, accessKey, secretKey }: BucketAccess): Promise<void> {
  const { hostname, port, protocol } = new URL(endpoint);
  const useSSL = protocol === "https:";
  const client = new Client({
    endPoint: hostname,
    port: port ? Number(port) : useSSL ? 443 : 80,
    useSSL,
    accessKey,
    secretKey,
  });
  if (!(await client.bucketExists(bucket))) await client.makeBucket(bucket);
  const { Status } = (await client.getBucketVersioning(bucket)) ?? {};
  if (Status !== "Enabled") await client.setBucketVersioning(bucket, { Status: "Enabled" });
}
