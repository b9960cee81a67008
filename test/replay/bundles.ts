import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import type { WorkflowBundleOption } from "@temporalio/worker";

/** The bundled workflows of each release, `<release>.js.gz`. They are only ever added to. */
export const bundlesFolder = join(__dirname, "bundles");

const SUFFIX = ".js.gz";
const MAP = "//# sourceMappingURL=data:application/json;base64,";
/** A worker wants a map; an empty one leaves places in stack traces as they are. */
const EMPTY_MAP = JSON.stringify({ version: 3, file: "workflows.js", sources: [], names: [], mappings: "" });

export const storedReleases = (): string[] =>
  existsSync(bundlesFolder)
    ? readdirSync(bundlesFolder)
        .filter((name) => name.endsWith(SUFFIX))
        .map((name) => name.slice(0, -SUFFIX.length))
        .sort()
    : [];

export const storedBundle = (release: string): WorkflowBundleOption => {
  const code = gunzipSync(readFileSync(join(bundlesFolder, `${release}${SUFFIX}`))).toString("utf8");
  return { code: `${code}${MAP}${Buffer.from(EMPTY_MAP).toString("base64")}` };
};

/** Without its source map, which is two thirds of it and names no place that would still be there. */
export function compressed(bundle: WorkflowBundleOption): Buffer {
  if (!("code" in bundle)) throw new Error("the bundle was not made in memory");
  const map = bundle.code.lastIndexOf("//# sourceMappingURL=");
  return gzipSync(map < 0 ? bundle.code : bundle.code.slice(0, map), { level: 9 });
}
