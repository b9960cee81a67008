"""A trainer that hangs is killed and replaced; one that only has nothing to do, or much, is not."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import uuid
from pathlib import Path
from typing import Any, cast

import pytest
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import Worker

from belay_gpu.engine.errors import EngineError
from belay_gpu.trainer.commands import StopOrder
from belay_gpu.trainer.spool import Spool
from belay_gpu.worker import supervisor as module
from belay_gpu.worker.config import GpuConfig, StoreConfig
from belay_gpu.worker.errors import TrainerDied
from belay_gpu.worker.follow import run_order
from belay_gpu.worker.silence import Silence, until_silent
from belay_gpu.worker.store import ObjectStore
from belay_gpu.worker.supervisor import Generation, Supervisor
from tests.support.servers import until
from tests.trainer.harness import bench
from tests.worker.harness import OneJob, gpu_worker
from tests.worker.jobs import make_inputs

HANGS = (
    "import json, os, pathlib, sys, time; root = pathlib.Path(sys.argv[1]);"
    "(root / 'trainer.json').write_text(json.dumps({'pid': os.getpid(), 'device': 'cpu'})); time.sleep(600)"
)
# Longer than the first load of a base takes, which is a turn too.
BOUND = 10


@pytest.mark.parametrize(
    ("looks", "seconds"),
    [
        ([(None, False)] * 9, 0),
        ([(7, False)] * 9, 0),
        ([(7, True)] * 9, 16),
        ([(None, True)] * 3, 6),
        ([(7, True), (7, True), (8, True), (8, True)], 2),
        ([(7, True), (7, True), (7, False), (7, True)], 2),
    ],
    ids=["starting", "idle", "silent", "never turned", "turned", "had no work"],
)
def test_silence_is_work_without_a_turn(looks: list[tuple[int | None, bool]], seconds: float) -> None:
    silence = Silence()
    for turn, has_work in looks:
        silence.look(turn, has_work, 2.0)
    assert silence.seconds == seconds


async def test_a_machine_that_slept_has_no_silent_trainer(tmp_path: Path) -> None:
    """However long a wait took: only how often the trainer was found as it had been counts."""
    spool, waits = Spool(tmp_path), []
    spool.write_turn()
    spool.put(StopOrder("j"))

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    await until_silent(spool, 8, wait)
    assert waits == [2.0] * 5, "the first look shows nothing yet"
    waits.clear()
    await until_silent(spool, 1800, wait)
    assert len(waits) == 361


async def test_a_trainer_that_hangs_is_killed_and_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        module, "trainer_command", lambda _, spool, __: [sys.executable, "-c", HANGS, str(spool)]
    )
    store = StoreConfig("http://127.0.0.1:1", "belay", "key", "secret")
    config = GpuConfig("", "default", store, tmp_path, None, None, "cpu", 1, 1, None, 1)
    supervisor = Supervisor(config, "engine", tmp_path / "engine", lambda _: None, lambda _: None)
    running = asyncio.create_task(supervisor.run())
    await asyncio.to_thread(until, lambda: supervisor.current is not None, "the first trainer")
    first = supervisor.current
    assert first is not None
    first.spool.put(StopOrder("j"))
    await asyncio.to_thread(until, first.dead.is_set, "its end")
    assert first.process.returncode == -signal.SIGKILL
    await asyncio.to_thread(
        until, lambda: supervisor.current is not None and supervisor.current.number == 2, "the second"
    )
    await asyncio.wait_for(supervisor.stop(5), 60)
    await asyncio.wait_for(running, 60)


@pytest.mark.parametrize("is_taken", [True, False])
async def test_only_a_job_that_was_taken_was_on_board(tmp_path: Path, is_taken: bool) -> None:
    generation = Generation(1, Spool(tmp_path / "spool"), cast(Any, None))
    running = asyncio.create_task(
        cast(Any, ActivityEnvironment().run(run_order, generation, bench(tmp_path).train_order("j")))
    )
    await asyncio.to_thread(until, generation.spool.has_work, "the order")
    if is_taken:
        assert len(list(generation.spool.take())) == 1
    generation.dead.set()
    with pytest.raises(EngineError, match="died") as raised:
        await running
    assert raised.value.type == "EngineLost"
    assert isinstance(raised.value, TrainerDied) is is_taken


async def test_a_job_on_a_trainer_that_stands_still_is_lost_and_the_next_one_runs(
    temporal_address: str, store_config: StoreConfig, store: ObjectStore, tmp_path: Path
) -> None:
    inputs = make_inputs(store, tmp_path, f"run-{uuid.uuid4().hex[:8]}")
    client = await Client.connect(temporal_address, data_converter=pydantic_data_converter)

    async def start(subject: str, **steps: Any) -> WorkflowHandle[Any, Any]:
        request = {
            "run": inputs.run,
            "subject": f"{inputs.run}/{subject}",
            "epoch": 1,
            "entrypoint": "training.run",
            "params": inputs.training(**steps),
        }
        return await client.start_workflow("oneJob", request, id=f"job-{uuid.uuid4()}", task_queue="test")

    settings = {"BELAY_TRAINER_SILENCE_SECONDS": str(BOUND)}
    with gpu_worker(temporal_address, store_config, tmp_path / "state", **settings) as worker:
        async with Worker(client, task_queue="test", workflows=[OneJob]):
            job = await start("trial-0", target=50_000, total=50_000, save=5)
            checkpoints = lambda: list(worker.state_dir.glob("engines/*/*/jobs/*/checkpoints/*-1"))  # noqa: E731
            await asyncio.to_thread(until, checkpoints, "a checkpoint")
            hung = worker.trainer_pid()
            os.kill(hung, signal.SIGSTOP)
            with pytest.raises(WorkflowFailureError) as raised:
                await job.result()
            assert isinstance(raised.value.cause, ActivityError)
            lost = raised.value.cause.cause
            assert isinstance(lost, ApplicationError)
            assert lost.type == "EngineLost"
            assert lost.details[0]["resident"] is True
            assert lost.details[0]["checkpoint"]["step"] >= 5
            assert (await (await start("trial-1", target=2, total=2)).result())["status"] == "reached"
            assert worker.trainer_pid() != hung
