import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { type Command, InvalidArgumentError } from "commander";
import { sqlAlchemyUrl } from "../../../infra/dev/prepare/databases";
import { ensurePythonEnv } from "../../../infra/setup/python-env";
import { goContext } from "../../../infra/setup/toolchain";
import { type Context, consoleOf, deploymentOf } from "../context";
import { ExitCode } from "../exit-codes";
import { CommandFailure } from "../failures";

export function addDashboard(program: Command, context: Context): void {
  program
    .command("dashboard")
    .description("serve the Optuna dashboard over all searches of this stack, until Ctrl-C")
    .option("--port <port>", "loopback port (default: a free one)", parsePort)
    .addHelpText("after", "\nExample:\n  npx belay dashboard --port 8080")
    .action((options: { port?: number }) => serve(options.port, context));
}

async function serve(wanted: number | undefined, context: Context): Promise<void> {
  const { optunaUrl } = deploymentOf(context).postgres;
  if (!optunaUrl)
    throw new CommandFailure(ExitCode.missing, "no database of studies is known", "set OPTUNA_DATABASE_URL");
  const console = consoleOf(context);
  const { home, interpreter } = await goContext(context.env);
  const { python } = await ensurePythonEnv(context.root, home, interpreter, (line) => console.say(line));
  const port = wanted ?? (await freePort());
  console.say(`Optuna dashboard at http://127.0.0.1:${port} (Ctrl-C ends it)`);
  // The address holds a password, and everyone may read the arguments of a process.
  const child = spawn(python, ["-I", "-c", SERVE, String(port)], {
    env: { ...context.env, BELAY_DASHBOARD_STORAGE: sqlAlchemyUrl(optunaUrl) },
    stdio: ["pipe", "ignore", "pipe"],
  });
  const end = () => child.kill("SIGTERM");
  context.interrupt.addEventListener("abort", end);
  let complaints = "";
  child.stderr.on("data", (chunk: Buffer) => {
    complaints = `${complaints}${chunk}`.slice(-2000);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  if (context.interrupt.aborted) {
    context.exitCode = ExitCode.interrupted;
    return;
  }
  if (code !== 0)
    throw new CommandFailure(
      ExitCode.failed,
      `the dashboard ended: ${complaints.trim().split("\n").at(-1) ?? `code ${code}`}`,
    );
}

/**
 * Given an address, the dashboard fails before the first study; a storage makes its tables first. Standard input ends
 * with this process, however that ends, and the dashboard with it.
 */
const SERVE = `
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from optuna.storages import RDBStorage
from optuna_dashboard import run_server
run_server(RDBStorage(os.environ["BELAY_DASHBOARD_STORAGE"]), host="127.0.0.1", port=int(sys.argv[1]))
`;

function parsePort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new InvalidArgumentError("expected a port between 1 and 65535.");
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
