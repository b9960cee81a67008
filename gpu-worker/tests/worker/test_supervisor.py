"""The trainer's supervisor: whatever state its process is in, a worker that is asked to stop ends."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from belay_gpu.worker import supervisor as module
from belay_gpu.worker.config import GpuConfig, StoreConfig
from belay_gpu.worker.supervisor import Supervisor
from tests.support.servers import ROOT, free_port, until

NEVER_READY = "import time; time.sleep(600)"
DEAF = (
    "import pathlib, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "pathlib.Path(sys.argv[1]).touch(); time.sleep(600)"
)
# Far above what any of these waits for, and only ever reached by a worker that hangs.
HANGS_SECONDS = 60


@pytest.fixture
def supervised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Supervisor]:
    """A supervisor whose trainer is this script; its argument is the file `deaf` in `tmp_path`."""

    def build(script: str) -> Supervisor:
        command = [sys.executable, "-c", script, str(tmp_path / "deaf")]
        monkeypatch.setattr(module, "trainer_command", lambda *_: command)
        store = StoreConfig("http://127.0.0.1:1", "belay", "key", "secret")
        config = GpuConfig("", "default", store, tmp_path, None, None, "cpu", 1, 1, None, 1800)
        return Supervisor(config, "engine", tmp_path / "engine", lambda _: None, lambda _: None)

    return build


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_trainer_that_is_still_starting_is_stopped(supervised: Callable[[str], Supervisor]) -> None:
    supervisor = supervised(NEVER_READY)
    running = asyncio.create_task(supervisor.run())
    await asyncio.to_thread(until, lambda: supervisor._running is not None, "the process")
    assert supervisor.current is None, "it takes no orders yet"
    pid = supervisor._running.process.pid
    await asyncio.wait_for(supervisor.stop(5), HANGS_SECONDS)
    await asyncio.wait_for(running, HANGS_SECONDS)
    assert not is_alive(pid)


async def test_a_trainer_whose_process_is_just_being_made_is_stopped(
    supervised: Callable[[str], Supervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = supervised(NEVER_READY)
    made, go_on = asyncio.Event(), asyncio.Event()
    start = supervisor._start

    async def slow(number: int) -> module.Generation:
        generation = await start(number)
        made.set()
        await go_on.wait()
        return generation

    monkeypatch.setattr(supervisor, "_start", slow)
    running = asyncio.create_task(supervisor.run())
    await made.wait()
    await asyncio.wait_for(supervisor.stop(5), HANGS_SECONDS)
    go_on.set()
    await asyncio.wait_for(running, HANGS_SECONDS)


async def test_a_starting_trainer_that_ignores_the_signal_is_killed(
    supervised: Callable[[str], Supervisor], tmp_path: Path
) -> None:
    supervisor = supervised(DEAF)
    running = asyncio.create_task(supervisor.run())
    await asyncio.to_thread(until, (tmp_path / "deaf").exists, "the process")
    await asyncio.wait_for(supervisor.stop(0.1), HANGS_SECONDS)
    await asyncio.wait_for(running, HANGS_SECONDS)


async def test_a_stop_does_not_wait_until_the_next_trainer_is_due(
    supervised: Callable[[str], Supervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    supervisor = supervised("raise SystemExit(1)")
    monkeypatch.setattr(module, "FIRST_BACKOFF_SECONDS", 10.0 * HANGS_SECONDS)
    monkeypatch.setattr(module, "MAX_BACKOFF_SECONDS", 10.0 * HANGS_SECONDS)
    dead = asyncio.Event()
    monkeypatch.setattr(supervisor, "_on_death", lambda _: dead.set())
    running = asyncio.create_task(supervisor.run())
    await asyncio.wait_for(dead.wait(), HANGS_SECONDS)
    await supervisor.stop(5)
    await asyncio.wait_for(running, HANGS_SECONDS)


def test_a_worker_that_cannot_connect_ends(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "gpu-worker"),
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
        "BELAY_S3_ENDPOINT": "http://127.0.0.1:1",
        "BELAY_S3_ACCESS_KEY": "key",
        "BELAY_S3_SECRET_KEY": "secret",
        "BELAY_STATE_DIR": str(tmp_path / "state"),
        "BELAY_DEVICE": "cpu",
    }
    command = [sys.executable, "-m", "belay_gpu.worker", "gpu"]
    # Its trainer takes seconds to start, so the connection fails before that.
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=2 * HANGS_SECONDS, check=False
    )
    assert done.returncode != 0
    assert "onnect" in done.stderr
