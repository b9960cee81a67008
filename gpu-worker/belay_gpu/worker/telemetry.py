"""OpenTelemetry: the client's trace goes on through the workflow into these activities."""

from __future__ import annotations

import socket
from datetime import timedelta

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from temporalio.client import Client, Plugin
from temporalio.contrib.opentelemetry import OpenTelemetryPlugin, create_tracer_provider
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import OpenTelemetryConfig, Runtime, TelemetryConfig

from belay_gpu.worker.config import WorkerConfig


def setup_telemetry(service: str, otlp_endpoint: str | None) -> list[Plugin]:
    """Plugins for the Temporal client. Spans leave the process only where an OTLP endpoint is configured.

    The plugin is there in any case, so that trace ids are carried from workflow to activity and into the
    logs.
    """
    provider = create_tracer_provider(
        resource=Resource.create({"service.name": service, "host.name": socket.gethostname()})
    )
    if otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        provider.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(f"{otlp_endpoint.rstrip('/')}/v1/traces"))
        )
    trace.set_tracer_provider(provider)
    return [OpenTelemetryPlugin(add_temporal_spans=True)]


def temporal_runtime(otlp_endpoint: str | None) -> Runtime:
    """The SDK's own metrics, to the same collector."""
    metrics = None
    if otlp_endpoint:
        metrics = OpenTelemetryConfig(
            url=f"{otlp_endpoint.rstrip('/')}/v1/metrics", metric_periodicity=timedelta(seconds=10), http=True
        )
    return Runtime(telemetry=TelemetryConfig(metrics=metrics))


async def connect(config: WorkerConfig, service: str) -> Client:
    """A client with the pydantic converter and tracing, as every worker uses it."""
    return await Client.connect(
        config.temporal_address,
        namespace=config.temporal_namespace,
        data_converter=pydantic_data_converter,
        plugins=setup_telemetry(service, config.otlp_endpoint),
        runtime=temporal_runtime(config.otlp_endpoint),
    )
