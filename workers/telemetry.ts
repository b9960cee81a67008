import { hostname } from "node:os";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { metrics, NodeSDK, resources, tracing } from "@opentelemetry/sdk-node";
import { OpenTelemetryPlugin } from "@temporalio/interceptors-opentelemetry-v2";
import type { TelemetryOptions } from "@temporalio/worker";

export interface Telemetry {
  /** For the client, the worker and the bundler alike, so that one trace id runs from client to activity. */
  plugin: OpenTelemetryPlugin;
  /** The SDK's own metrics, to the same collector. */
  metrics: Pick<TelemetryOptions, "metrics">;
  shutdown(): Promise<void>;
}

const METRICS_INTERVAL_MS = 10_000;

/** The collector's address for one signal, from the base address that OTEL_EXPORTER_OTLP_ENDPOINT holds. */
const endpointOf = (base: string, signal: "traces" | "metrics"): string =>
  `${base.replace(/\/+$/, "")}/v1/${signal}`;

/**
 * Spans and metrics leave the process only where an OTLP endpoint is configured. The plugin is there in any case: it
 * carries trace ids, and histories do not depend on whether anyone listens.
 */
export function startTelemetry(serviceName: string, otlpEndpoint: string | null): Telemetry {
  const resource = resources.resourceFromAttributes({ "service.name": serviceName, "host.name": hostname() });
  const spanProcessor = otlpEndpoint
    ? new tracing.BatchSpanProcessor(new OTLPTraceExporter({ url: endpointOf(otlpEndpoint, "traces") }))
    : new tracing.NoopSpanProcessor();
  const sdk = new NodeSDK({
    resource,
    spanProcessors: [spanProcessor],
    metricReaders: otlpEndpoint
      ? [
          new metrics.PeriodicExportingMetricReader({
            exporter: new OTLPMetricExporter({ url: endpointOf(otlpEndpoint, "metrics") }),
            exportIntervalMillis: METRICS_INTERVAL_MS,
          }),
        ]
      : [],
    instrumentations: [],
  });
  sdk.start();
  return {
    plugin: new OpenTelemetryPlugin({ resource, spanProcessor }),
    metrics: otlpEndpoint
      ? {
          metrics: {
            otel: {
              url: endpointOf(otlpEndpoint, "metrics"),
              http: true,
              metricsExportInterval: METRICS_INTERVAL_MS,
            },
          },
        }
      : {},
    shutdown: () => sdk.shutdown(),
  };
}
