"""What a worker reads from its environment: once, here, with one clear line for what is missing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class ConfigError(Exception):
    """A setting is missing or wrong; the message says which, and what would be right."""


@dataclass(frozen=True)
class StoreConfig:
    """The S3 bucket that holds every artifact."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str


@dataclass(frozen=True)
class WorkerConfig:
    """Settings of every worker.

    Attributes:
        state_dir: the worker's own folder: spool, trace log, cache.
        ready_file: where to say that the worker polls; None: nowhere.
        otlp_endpoint: where traces go; None: nowhere.
    """

    temporal_address: str
    temporal_namespace: str
    store: StoreConfig
    state_dir: Path
    ready_file: Path | None
    otlp_endpoint: str | None


@dataclass(frozen=True)
class GpuConfig(WorkerConfig):
    """Settings of the GPU worker.

    Attributes:
        device: auto, cpu, cuda or cuda:N.
        slots: trials that train at the same time.
        eval_slots: evaluations and merges at the same time, beside the training slots.
        hub_token: for uploads to the hub; None: uploads are refused.
        silence_seconds: a trainer that has work and gives no sign of life for this long is killed.
    """

    device: str
    slots: int
    eval_slots: int
    hub_token: str | None
    silence_seconds: int


@dataclass(frozen=True)
class MlConfig(WorkerConfig):
    """Settings of the ML worker. `optuna_database_url` None: no mirror study."""

    database_url: str
    optuna_database_url: str | None
    device: str


def required(env: Mapping[str, str], name: str, meaning: str) -> str:
    value = env.get(name, "").strip()
    if not value:
        raise ConfigError(f"{name} is not set: it must hold {meaning}")
    return value


def count(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, "").strip()
    if not text:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f"{name}={text}: expected a whole number of at least 1")
    return int(text)


def _store(env: Mapping[str, str]) -> StoreConfig:
    endpoint = required(env, "BELAY_S3_ENDPOINT", "the object store's address, such as http://127.0.0.1:9000")
    if not endpoint.startswith(("http://", "https://")):
        raise ConfigError(f"BELAY_S3_ENDPOINT={endpoint}: expected http://host:port or https://host:port")
    return StoreConfig(
        endpoint=endpoint,
        bucket=env.get("BELAY_S3_BUCKET") or "belay",
        access_key=required(env, "BELAY_S3_ACCESS_KEY", "the object store's access key"),
        secret_key=required(env, "BELAY_S3_SECRET_KEY", "the object store's secret key"),
    )


def _common(env: Mapping[str, str]) -> dict[str, object]:
    ready = env.get("BELAY_READY_FILE", "").strip()
    return {
        "temporal_address": required(env, "TEMPORAL_ADDRESS", "the Temporal Service's host:port"),
        "temporal_namespace": env.get("TEMPORAL_NAMESPACE") or "default",
        "store": _store(env),
        "state_dir": Path(required(env, "BELAY_STATE_DIR", "a folder for this worker's files")).absolute(),
        "ready_file": Path(ready).absolute() if ready else None,
        "otlp_endpoint": env.get("OTEL_EXPORTER_OTLP_ENDPOINT") or None,
    }


def _device(env: Mapping[str, str]) -> str:
    device = env.get("BELAY_DEVICE", "").strip() or "auto"
    kind, _, index = device.partition(":")
    if device not in ("auto", "cpu", "cuda") and not (kind == "cuda" and index.isdecimal()):
        raise ConfigError(f"BELAY_DEVICE={device}: expected auto, cpu, cuda or cuda:N")
    return device


def gpu_config(env: Mapping[str, str] = os.environ) -> GpuConfig:
    """Raises: ConfigError."""
    return GpuConfig(
        **_common(env),  # type: ignore[arg-type]
        device=_device(env),
        slots=count(env, "BELAY_SLOTS", 1),
        eval_slots=count(env, "BELAY_EVAL_SLOTS", 1),
        hub_token=env.get("HF_TOKEN") or None,
        silence_seconds=count(env, "BELAY_TRAINER_SILENCE_SECONDS", 1800),
    )


def ml_config(env: Mapping[str, str] = os.environ) -> MlConfig:
    """Raises: ConfigError."""
    return MlConfig(
        **_common(env),  # type: ignore[arg-type]
        database_url=required(env, "DATABASE_URL", "the address of the Postgres database"),
        optuna_database_url=env.get("OPTUNA_DATABASE_URL") or None,
        device=_device(env),
    )
