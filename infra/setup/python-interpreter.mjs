// @ts-check
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * @typedef {{ command: string, executable: string, version: string, canInstall: "venv" | "pip" | "nothing" }} Interpreter
 * @typedef {{ interpreter?: Interpreter, seen: string[] }} PythonSearch `seen` names what was found and why not taken.
 */

export const PYTHON_MINIMUM = /** @type {const} */ ([3, 11]);
const CANDIDATES = ["python3", "python3.11", "python3.12", "python3.13", "python3.14", "python"];

const PROBE = `
import sys, importlib.util as u
have = lambda *names: all(u.find_spec(n) for n in names)
print(sys.executable)
print("%d.%d.%d" % sys.version_info[:3])
print("venv" if have("venv", "ensurepip") else "pip" if have("pip") else "nothing")
`;

/**
 * The first interpreter on PATH that is new enough and can install packages. BELAY_PYTHON names one outright.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<PythonSearch>}
 */
export async function findPython(env = process.env) {
  /** @type {string[]} */
  const seen = [];
  for (const command of env.BELAY_PYTHON ? [env.BELAY_PYTHON] : CANDIDATES) {
    const interpreter = await probe(command, env);
    if (!interpreter) continue;
    if (!isNewEnough(interpreter.version)) seen.push(`${command} ${interpreter.version}`);
    else if (interpreter.canInstall === "nothing")
      seen.push(`${command} ${interpreter.version} without venv and pip`);
    else return { interpreter, seen };
  }
  return { seen };
}

/**
 * @param {string} version
 * @returns {boolean}
 */
export function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major === PYTHON_MINIMUM[0] && minor >= PYTHON_MINIMUM[1];
}

/**
 * @param {string} command
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<Interpreter | undefined>}
 */
async function probe(command, env) {
  try {
    const { stdout } = await run(command, ["-I", "-c", PROBE], { env, timeout: 20_000 });
    const [executable, version, canInstall] = stdout.trim().split("\n");
    if (!executable || !version) return undefined;
    return {
      command,
      executable,
      version,
      canInstall: /** @type {Interpreter["canInstall"]} */ (canInstall),
    };
  } catch {
    return undefined;
  }
}
