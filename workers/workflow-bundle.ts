import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type BundlerPlugin, bundleWorkflowCode, DefaultLogger, type Logger } from "@temporalio/worker";

const KEPT_BUNDLES = 3;

/**
 * The bundle of dist/workflows, built when its content changed and kept in dist/ under its content's stamp. Safe
 * against an interrupted or concurrent build.
 */
export async function workflowBundle(
  root: string,
  plugins: BundlerPlugin[],
  logger: Logger,
): Promise<{ codePath: string }> {
  const workflows = join(root, "dist", "workflows");
  const folder = join(root, "dist", ".workflow-bundles");
  const codePath = join(folder, `${stampOf(root, workflows)}.js`);
  if (!existsSync(codePath)) {
    const { code } = await bundleWorkflowCode({
      workflowsPath: join(workflows, "index.js"),
      plugins,
      logger: new DefaultLogger("WARN", ({ level, message, meta }) => logger.log(level, message, meta)),
    });
    mkdirSync(folder, { recursive: true });
    const draft = `${codePath}.${process.pid}`;
    writeFileSync(draft, code);
    renameSync(draft, codePath);
    removeOld(folder);
  }
  return { codePath };
}

/** A hash over everything that the bundle is made of: our files, and the versions of what they import. */
function stampOf(root: string, workflows: string): string {
  const hash = createHash("sha256");
  const files = readdirSync(workflows, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".js"),
  );
  for (const name of files.sort())
    hash
      .update(`${name}\0`)
      .update(readFileSync(join(workflows, name)))
      .update("\0");
  const load = createRequire(join(root, "package.json"));
  for (const name of ["@temporalio/worker", "@temporalio/interceptors-opentelemetry-v2", "zod"])
    hash.update(`${name}@${(load(`${name}/package.json`) as { version: string }).version}\0`);
  return hash.digest("hex").slice(0, 32);
}

function removeOld(folder: string): void {
  const names = readdirSync(folder).filter((name) => name.endsWith(".js"));
  const oldest = names
    .map((name) => ({ name, at: statTime(join(folder, name)) }))
    .sort((a, b) => b.at - a.at);
  for (const { name } of oldest.slice(KEPT_BUNDLES)) rmSync(join(folder, name), { force: true });
}

const statTime = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
