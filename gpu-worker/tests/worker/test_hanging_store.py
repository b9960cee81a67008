"""A store that accepts and never answers: orders to the trainer pass it by, and the worker ends before it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from belay_gpu.contracts.models import ArtifactRef
from belay_gpu.logs import log_context
from belay_gpu.trainer.spool import Spool
from belay_gpu.wal import Wal
from belay_gpu.worker.config import StoreConfig
from belay_gpu.worker.store import ObjectStore
from belay_gpu.worker.transfers import transfer
from tests.support.servers import until
from tests.worker.harness import gpu_worker
from tests.worker.inprocess import Dispatch, engine_in_process, eventually, serving
from tests.worker.jobs import make_inputs


class Hanging:
    """Takes every connection and says nothing; `asked`: how many came."""

    def __init__(self, listener: socket.socket) -> None:
        self.config = StoreConfig(f"http://127.0.0.1:{listener.getsockname()[1]}", "belay", "key", "secret")
        self.asked = 0
        self._listener, self._held = listener, []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                self._held.append(self._listener.accept())
            except OSError:
                return
            self.asked += 1

    def close(self) -> None:
        # Closing alone does not wake a thread that waits in `accept`.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection, _ in self._held:
            connection.close()


@pytest.fixture
def hanging() -> Iterator[Hanging]:
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        server = Hanging(listener)
        yield server
        server.close()


def test_a_worker_that_is_asked_to_stop_ends(temporal_address: str, hanging: Hanging, tmp_path: Path) -> None:
    state = tmp_path / "state"
    wal = Wal(Spool(state / "engines" / "earlier" / "1").wal_path("run"), "run", "earlier.1")
    wal.append(None, None, "trial.left", {})
    wal.close()
    with gpu_worker(temporal_address, hanging.config, state) as worker:
        until(lambda: hanging.asked > 0, "the shipment of the earlier trace")
        worker.process.send_signal(signal.SIGTERM)
        assert worker.process.wait(60) == 0


async def test_a_stop_reaches_the_trainer_while_transfers_hang(
    store: ObjectStore, hanging: Hanging, tmp_path: Path
) -> None:
    inputs = make_inputs(store, tmp_path, f"run-{uuid.uuid4().hex[:8]}")
    async with engine_in_process(tmp_path, store) as engine, serving(engine):
        running = Dispatch.training(engine, inputs, target=50_000, total=50_000, save=5)
        await eventually(lambda: list(engine.spool.jobs.glob("*/checkpoints/*-1")), "a checkpoint")
        away = ObjectStore(hanging.config)
        # More than the event loop has threads.
        more = 2 * min(32, (os.cpu_count() or 1) + 4)
        engine.host.cache._store = away
        stuck = [
            asyncio.create_task(engine.host.cache.path(blob(f"{number:064x}"))) for number in range(more)
        ]
        # Waited for beside the event loop's threads, which may all be taken.
        await transfer(until, lambda: hanging.asked >= more, "the requests")
        running.cancel()
        assert (await running.output())["status"] == "stopped"
        for task in stuck:
            task.cancel()
        await asyncio.wait(stuck)


def blob(sha256: str) -> ArtifactRef:
    uri = f"s3://belay/objects/sha256/{sha256}"
    return ArtifactRef(uri=uri, sha256=sha256, size_bytes=1, media_type="x/y")


async def test_a_transfer_gives_what_its_call_does_and_keeps_the_log_context() -> None:
    from belay_gpu.logs import _context

    with log_context(run="r"):
        assert (await transfer(_context.get)).get("run") == "r"
    with pytest.raises(ZeroDivisionError):
        await transfer(divmod, 1, 0)
