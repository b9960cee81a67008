import { belayHome } from "../setup/home.mjs";
import { ensurePythonEnv } from "../setup/python-env";
import { findPython } from "../setup/python-interpreter.mjs";

/** The Python of the workers, set up first where it is missing. */
export async function workerPython(root: string): Promise<string> {
  const { interpreter } = await findPython();
  if (!interpreter) throw new Error("no Python from 3.11 on: install one, or name it in BELAY_PYTHON");
  const env = await ensurePythonEnv(root, belayHome(), interpreter, (line) => process.stderr.write(`${line}\n`));
  return env.python;
}
