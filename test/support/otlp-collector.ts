import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";
import { parse } from "protobufjs";

export interface CollectedSpan {
  service: string;
  name: string;
  traceId: string;
}

export interface Collector {
  endpoint: string;
  /** Paths of all requests: a path per signal. */
  requests: string[];
  spans: CollectedSpan[];
  close(): void;
}

/** An OTLP/HTTP collector that keeps what it gets. */
export async function startCollector(): Promise<Collector> {
  const requests: string[] = [];
  const spans: CollectedSpan[] = [];
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    requests.push(request.url ?? "");
    if (request.url === "/v1/traces")
      spans.push(...spansIn(request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body));
    response.end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { endpoint: `http://127.0.0.1:${port}`, requests, spans, close: () => void server.close() };
}

/** What is read of opentelemetry.proto.collector.trace.v1; a decoder passes over the other fields. */
const Traces = parse(`
  syntax = "proto3";
  message Traces { repeated ResourceSpans resourceSpans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scopeSpans = 2; }
  message Resource { repeated Attribute attributes = 1; }
  message Attribute { string key = 1; Value value = 2; }
  message Value { string stringValue = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span { bytes traceId = 1; string name = 5; }
`).root.lookupType("Traces");

interface Traces {
  resourceSpans: {
    resource: { attributes: { key: string; value?: { stringValue: string } }[] };
    scopeSpans: { spans: { traceId: Uint8Array; name: string }[] }[];
  }[];
}

function spansIn(body: Uint8Array): CollectedSpan[] {
  const { resourceSpans } = Traces.decode(body) as unknown as Traces;
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const named = resource.attributes.find(({ key }) => key === "service.name");
    const service = named?.value?.stringValue ?? "";
    return scopeSpans.flatMap(({ spans }) =>
      spans.map(({ traceId, name }) => ({ service, name, traceId: Buffer.from(traceId).toString("hex") })),
    );
  });
}
