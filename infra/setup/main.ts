import { Listr, ListrLogger, ProcessOutput } from "listr2";
import { repositoryRoot } from "./home.mjs";
import { isMissingRequirement } from "./missing.mjs";
import type { Report } from "./report";
import { goContext, readyTools, recordTools, type ToolName, type Tools, toolSteps } from "./toolchain";

/** The part of set-up that takes long: shown as a list of steps, on standard error. */
async function main(): Promise<void> {
  const root = repositoryRoot();
  if (readyTools(root)) return;
  process.umask(0o022);
  const reporters = new Map<ToolName, Report>();
  const reports = {
    step:
      (name: ToolName): Report =>
      (line) =>
        reporters.get(name)?.(line),
  };
  const context = await goContext(process.env);
  const steps = toolSteps(context, root, reports);
  const tools: Partial<Tools> = {};
  const listed = <T>(name: ToolName, title: string, run: () => Promise<T>, keep: (result: T) => void) => ({
    title,
    task: async (_: unknown, task: { output: string }) => {
      reporters.set(name, (line) => {
        task.output = line;
      });
      keep(await run());
    },
  });
  const list = new Listr(
    [
      listed("python", "Python environment with PyTorch and PostgreSQL (6 GB)", steps.python, (env) =>
        Object.assign(tools, env),
      ),
      listed("temporal", "Temporal server (250 MB; minutes where it must be built)", steps.temporal, (path) =>
        Object.assign(tools, { temporal: path }),
      ),
      listed("minio", "MinIO, the object store (150 MB)", steps.minio, (path) =>
        Object.assign(tools, { minio: path }),
      ),
    ],
    {
      concurrent: true,
      exitOnError: true,
      // Its own listener would end with a code that means something else.
      registerSignalListeners: false,
      fallbackRendererCondition: () => !process.stderr.isTTY,
      rendererOptions: {
        logger: new ListrLogger({ processOutput: standardErrorOnly() }),
        showSubtasks: true,
      },
      fallbackRendererOptions: { logger: new ListrLogger({ processOutput: standardErrorOnly() }) },
    },
  );
  await list.run();
  await recordTools({ home: context.home, ...tools } as Tools, root, process.env);
}

function standardErrorOnly(): ProcessOutput {
  return new ProcessOutput(process.stderr as unknown as NodeJS.WriteStream & { fd: 1 }, process.stderr);
}

const SHOW_CURSOR = "\u001b[?25h";

// Whoever reads what is printed may go first (`| head`), and must not end set-up.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

// What it runs is in process groups of its own, which end with this process; what is half built is cleared away next time.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
  process.once(signal, () => {
    if (process.stderr.isTTY) process.stderr.write(SHOW_CURSOR);
    process.exit(130);
  });

main().catch((error: unknown) => {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`belay: ${message}\n`);
  if (isMissingRequirement(error)) process.stderr.write(`       ${error.remedy}\n`);
  process.exitCode = isMissingRequirement(error) ? 3 : 1;
});
