"""One trace from the client into the GPU worker, whose spans and metrics leave by OTLP."""

from __future__ import annotations

import asyncio
import gzip
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from opentelemetry import trace
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from temporalio import workflow
from temporalio.client import Client
from temporalio.contrib.opentelemetry import OpenTelemetryPlugin, create_tracer_provider
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from belay_gpu.worker.config import StoreConfig
from tests.support.servers import until
from tests.worker.harness import gpu_worker


@workflow.defn(name="seatOnly", sandboxed=False)
class SeatOnly:
    @workflow.run
    async def run(self, subject: str) -> str:
        grant = await workflow.execute_activity(
            "gpu.acquireSeat",
            {"run": "r", "subject": subject, "base": "b", "exclusive": False},
            task_queue="belay-gpu",
            start_to_close_timeout=timedelta(seconds=60),
        )
        await workflow.execute_activity(
            "gpu.releaseSeat",
            {"seatId": grant["seatId"]},
            task_queue=grant["taskQueue"],
            start_to_close_timeout=timedelta(seconds=10),
        )
        return grant["device"]


@contextmanager
def collector() -> Iterator[tuple[str, list[tuple[str, str]], set[str]]]:
    """An OTLP endpoint; fills a list with (trace id, span name), and a set with names of metrics."""
    spans: list[tuple[str, str]] = []
    metrics: set[str] = set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path == "/v1/traces":
                request = ExportTraceServiceRequest.FromString(body)
                spans.extend(
                    (span.trace_id.hex(), span.name)
                    for resource in request.resource_spans
                    for scope in resource.scope_spans
                    for span in scope.spans
                )
            if self.path == "/v1/metrics":
                metrics.update(
                    metric.name
                    for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
                    for scope in resource.scope_metrics
                    for metric in scope.metrics
                )
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", spans, metrics
    finally:
        server.shutdown()


async def test_activities_continue_the_clients_trace(
    temporal_address: str, store_config: StoreConfig, tmp_path: Path
) -> None:
    trace.set_tracer_provider(create_tracer_provider())
    client = await Client.connect(
        temporal_address, data_converter=pydantic_data_converter, plugins=[OpenTelemetryPlugin()]
    )
    with (
        collector() as (endpoint, spans, metrics),
        gpu_worker(
            temporal_address,
            store_config,
            tmp_path / "state",
            OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
            OTEL_BSP_SCHEDULE_DELAY="200",
        ),
    ):
        async with Worker(client, task_queue="traces", workflows=[SeatOnly]):
            with trace.get_tracer("test").start_as_current_span("person") as span:
                device = await client.execute_workflow(
                    "seatOnly", f"s-{uuid.uuid4()}", id=f"seat-{uuid.uuid4()}", task_queue="traces"
                )
        wanted = f"{span.get_span_context().trace_id:032x}"
        await asyncio.to_thread(
            until, lambda: any("gpu.acquireSeat" in name for _, name in spans), "the worker's spans", 20
        )
        await asyncio.to_thread(
            until,
            lambda: any("activity_execution_latency" in name for name in metrics),
            "the worker's metrics",
            60,
        )
    assert "cpu" in str(device)
    assert {trace_id for trace_id, name in spans if "gpu." in name} == {wanted}
