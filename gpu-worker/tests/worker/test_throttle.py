"""How soon a cancellation reaches an activity: with the next heartbeat that the SDK does not hold back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest

from belay_gpu.worker import gpu, ml
from belay_gpu.worker.config import gpu_config, ml_config
from belay_gpu.worker.host import EngineHost
from belay_gpu.worker.seat_desk import SeatDesk
from belay_gpu.worker.seats import SeatBook

ENVIRONMENT = {
    "TEMPORAL_ADDRESS": "127.0.0.1:7233",
    "BELAY_S3_ENDPOINT": "http://127.0.0.1:9000",
    "BELAY_S3_ACCESS_KEY": "key",
    "BELAY_S3_SECRET_KEY": "secret",
    "DATABASE_URL": "postgres://x",
}


class Polls(Exception):
    """Raised where the workers would begin to poll."""


def serve_gpu(folder: Path) -> Awaitable[None]:
    host = cast(EngineHost, SimpleNamespace(desk=SeatDesk(SeatBook(1)), task_queue="engine"))
    config = gpu_config({**ENVIRONMENT, "BELAY_STATE_DIR": str(folder)})
    idle = asyncio.create_task(asyncio.sleep(0))
    return gpu._serve(None, config, host, asyncio.Event(), idle)  # type: ignore[arg-type]


def serve_ml(folder: Path) -> Awaitable[None]:
    return ml.run_ml_worker(ml_config({**ENVIRONMENT, "BELAY_STATE_DIR": str(folder)}))


@pytest.mark.parametrize(("module", "serve", "count"), [(gpu, serve_gpu, 2), (ml, serve_ml, 1)])
async def test_no_worker_holds_a_heartbeat_back_for_longer_than_two_seconds(
    module: ModuleType,
    serve: Callable[[Path], Awaitable[None]],
    count: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built: list[dict[str, Any]] = []

    class Recorded:
        def __init__(self, client: object, **options: Any) -> None:
            built.append(options)

        async def __aenter__(self) -> None:
            raise Polls

        async def __aexit__(self, *_: object) -> None:
            """Never entered."""

    async def connect(*_: object) -> None:
        """No server is needed."""

    monkeypatch.setattr(module, "Worker", Recorded)
    monkeypatch.setattr(module, "connect", connect)
    monkeypatch.setattr(ml, "warm_up", lambda: None)
    with pytest.raises(Polls):
        await serve(tmp_path)
    assert len(built) == count
    for options in built:
        for name in ("max_heartbeat_throttle_interval", "default_heartbeat_throttle_interval"):
            assert options[name] <= timedelta(seconds=2), options["task_queue"]
