"""Real servers for tests, started from the tools that set-up found."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import urllib3
from minio import Minio

from belay_gpu.worker.config import StoreConfig

ROOT = Path(__file__).parents[3]


def tool(name: str) -> str:
    """Path of a server's binary: what set-up recorded, else on PATH."""
    record = ROOT / ".belay" / "tools.json"
    known = json.loads(record.read_text())["tools"].get(name) if record.exists() else None
    found = known if known and Path(known).exists() else shutil.which(name)
    if found is None:
        raise RuntimeError(f"{name} was not found: run `npm run dev` once, or put it on PATH")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
    """Waits for a condition; fails with its name."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.02)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def process(command: list[str], **options: object) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)  # type: ignore[call-overload]
    try:
        yield child
    finally:
        child.kill()
        child.wait()


@dataclass(frozen=True)
class Servers:
    temporal: str
    store: StoreConfig


@contextmanager
def object_store(folder: Path, port: int | None = None) -> Iterator[StoreConfig]:
    """MinIO over `folder`, which it finds again when it is started on it a second time."""
    port = port or free_port()
    environment = {**os.environ, "MINIO_ROOT_USER": "belay-test", "MINIO_ROOT_PASSWORD": "belay-test"}
    command = [tool("minio"), "server", "--address", f"127.0.0.1:{port}", str(folder)]
    with process(command, env=environment):
        until(lambda: is_well(f"http://127.0.0.1:{port}/minio/health/live"), "MinIO")
        yield StoreConfig(f"http://127.0.0.1:{port}", "belay", "belay-test", "belay-test")


@contextmanager
def versitygw(binary: str, folder: Path) -> Iterator[StoreConfig]:
    """Another S3 server than MinIO, over `folder`."""
    port = free_port()
    environment = {**os.environ, "ROOT_ACCESS_KEY": "belay-test", "ROOT_SECRET_KEY": "belay-test"}
    listen = ["--port", f"127.0.0.1:{port}", "--health", "/health", "--quiet"]
    with process([binary, *listen, "posix", str(folder)], env=environment):
        until(lambda: is_well(f"http://127.0.0.1:{port}/health"), "versitygw")
        yield StoreConfig(f"http://127.0.0.1:{port}", "belay", "belay-test", "belay-test")


def is_well(url: str) -> bool:
    try:
        return urllib3.PoolManager(retries=False).request("GET", url).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def make_bucket(config: StoreConfig) -> None:
    address = config.endpoint.removeprefix("http://")
    client = Minio(address, config.access_key, config.secret_key, secure=False, region="us-east-1")
    client.make_bucket(config.bucket)


@contextmanager
def temporal_server() -> Iterator[str]:
    port, http, metrics = free_port(), free_port(), free_port()
    command = [
        *(tool("temporal"), "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--log-level", "never"),
        *("--port", str(port), "--http-port", str(http), "--metrics-port", str(metrics)),
    ]
    with process(command):
        until(lambda: answers(port), "the Temporal dev server")
        yield f"127.0.0.1:{port}"
