import { connect } from "node:net";
import { Belay } from "../belay";
import { BelayError } from "../errors";
import { Console, type Surroundings } from "./console";
import { type Deployment, findDeployment } from "./deployment";

/** What a command may use. */
export interface Context extends Surroundings {
  /** The checkout. */
  root: string;
  /** The checkout's `.belay` folder. */
  stateDir: string;
  /** Set by a command that ends well by its own account, but not with 0. */
  exitCode: number;
}

export const consoleOf = (context: Context, options: { json?: boolean } = {}): Console =>
  new Console(context, options.json === true);

export const deploymentOf = ({ env, stateDir }: Context): Deployment => findDeployment(env, stateDir);

/** Connects, and closes the connection whatever happens. */
export async function withBelay<T>(
  context: Context,
  use: (belay: Belay, deployment: Deployment) => Promise<T>,
): Promise<T> {
  const deployment = deploymentOf(context);
  const { address, namespace } = deployment.temporal;
  await refuseDeadAddress(address);
  const belay = await Belay.connect({ address, namespace });
  try {
    context.interrupt.throwIfAborted();
    return await use(belay, deployment);
  } finally {
    await belay.close();
  }
}

/** gRPC goes on knocking until its deadline; where nobody listens on this machine, that is known at once. */
async function refuseDeadAddress(address: string): Promise<void> {
  const [, host, port] = /^(127\.0\.0\.1|localhost):(\d+)$/.exec(address) ?? [];
  if (host === undefined) return;
  const error = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
    const socket = connect({ host, port: Number(port) });
    socket.once("connect", () => {
      socket.destroy();
      resolve(null);
    });
    socket.once("error", resolve);
  });
  if (error?.code === "ECONNREFUSED")
    throw new BelayError("Unreachable", `Temporal does not answer at ${address}`, { cause: error });
}
