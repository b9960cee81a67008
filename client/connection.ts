import { Client, type ClientPlugin, Connection, type WorkflowClientInterceptor } from "@temporalio/client";
// The package's front door loads its worker half as well, which a client has no use for.
import { OpenTelemetryWorkflowClientInterceptor } from "@temporalio/interceptors-opentelemetry-v2/lib/client";
import { isUnavailable, unreachable } from "./grpc-errors";

export interface ConnectOptions {
  /** `host:port` of the Temporal service. @default 127.0.0.1:7233 */
  address?: string;
  /** @default default */
  namespace?: string;
  /** Milliseconds before `connect` gives up. @default 5000 */
  connectTimeoutMs?: number;
  /** Further Temporal client plugins, such as one with a payload codec. */
  plugins?: ClientPlugin[];
}

export interface Connected {
  address: string;
  namespace: string;
  connection: Connection;
  client: Client;
}

/**
 * Opens a connection. Trace context of the caller travels with every start and signal; without an OpenTelemetry SDK
 * in the process that costs nothing.
 *
 * @throws BelayError `Unreachable`
 */
export async function connect(options: ConnectOptions = {}): Promise<Connected> {
  const address = options.address ?? "127.0.0.1:7233";
  const namespace = options.namespace ?? "default";
  const interceptors: WorkflowClientInterceptor[] = [new OpenTelemetryWorkflowClientInterceptor()];
  const connection = Connection.lazy({ address, connectTimeout: options.connectTimeoutMs ?? 5000 });
  try {
    await connection.ensureConnected();
  } catch (error) {
    await connection.close();
    if (!isUnavailable(error)) throw error;
    throw unreachable(address, error);
  }
  const client = new Client({
    connection,
    namespace,
    interceptors: { workflow: interceptors },
    plugins: options.plugins ?? [],
  });
  return { address, namespace, connection, client };
}
