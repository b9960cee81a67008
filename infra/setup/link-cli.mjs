// @ts-check
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const SHIM = `#!/bin/sh
# Belay's command line, under the Node that package-lock.json pins.
bin=$(dirname "$(readlink -f "$0")")
exec "$bin/node" "$bin/../../dist/client/cli/main.js" "$@"
`;

/**
 * Puts `belay` where npx and npm scripts look first, so that neither asks a registry for that name.
 *
 * @param {string} root
 */
export function linkCli(root) {
  const bin = join(root, "node_modules", ".bin");
  const path = join(bin, "belay");
  if (existsSync(path) && readFileSync(path, "utf8") === SHIM) return;
  mkdirSync(bin, { recursive: true });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, SHIM, { mode: 0o755 });
  renameSync(draft, path);
}
