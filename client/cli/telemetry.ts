/**
 * Traces of this process, where an OTLP endpoint is configured. Answers with what ends them.
 * The SDK takes half a second to load, so it is loaded only then.
 */
export async function startTelemetry(env: NodeJS.ProcessEnv): Promise<() => Promise<void>> {
  if (!env.OTEL_EXPORTER_OTLP_ENDPOINT && !env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) return async () => {};
  const { NodeSDK } = await import("@opentelemetry/sdk-node");
  const sdk = new NodeSDK({ serviceName: "belay-client", instrumentations: [] });
  sdk.start();
  // A collector that is away must not turn a finished command into a failed one.
  return () => sdk.shutdown().catch(() => {});
}
