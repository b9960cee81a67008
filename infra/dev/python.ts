import { readyTools } from "../setup/toolchain";

/** Prints the path of the Python interpreter that set-up made, for scripts: `$(node dist/infra/dev/python.js)`. */
const tools = readyTools();
if (tools) process.stdout.write(`${tools.python}\n`);
else {
  process.stderr.write("belay: set-up is not complete for this checkout\n       npm run dev\n");
  process.exitCode = 3;
}
