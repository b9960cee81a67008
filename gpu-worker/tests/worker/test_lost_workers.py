"""A GPU worker that is stopped or killed with trials on board, and the one after it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from minio import Minio
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ActivityError
from temporalio.exceptions import TimeoutError as TemporalTimeout

from belay_gpu.worker.config import StoreConfig
from tests.support.servers import until
from tests.worker.calls import ENDLESS, failure, manifests, start, trace, until_step
from tests.worker.harness import GpuWorker, gpu_worker
from tests.worker.jobs import Inputs


async def test_a_stopped_worker_checkpoints_and_makes_no_suspect(
    temporal_address: str,
    store_config: StoreConfig,
    client: Client,
    inputs: Inputs,
    s3: Minio,
    shared_worker: GpuWorker,
    tmp_path: Path,
) -> None:
    """Two engines: the second is stopped with a trial on board, and the first goes on with it."""
    first = await start(client, inputs, "training.run", inputs.training(**ENDLESS), subject="trial-7")
    await until_step(first, 2)
    with gpu_worker(temporal_address, store_config, tmp_path / "state") as second:
        handle = await start(client, inputs, "training.run", inputs.training(**ENDLESS))
        await until_step(handle, 3)
        second.process.terminate()
        lost = await failure(handle)
        assert second.process.wait(60) == 0
    assert lost.type == "EngineLost"
    assert lost.details[0]["resident"] is False
    checkpoint = lost.details[0]["checkpoint"]
    assert checkpoint["step"] >= 3
    assert not second.ready_file.exists()
    await first.cancel()
    await first.result()
    resumed = await (
        await start(
            client,
            inputs,
            "training.run",
            inputs.training(total=5000, target=checkpoint["step"] + 1),
            epoch=2,
            resumeFrom=[checkpoint],
        )
    ).result()
    assert resumed["resumedFromStep"] == checkpoint["step"]


async def test_a_killed_workers_trace_and_checkpoints_are_recovered_at_the_next_boot(
    temporal_address: str,
    store_config: StoreConfig,
    client: Client,
    inputs: Inputs,
    s3: Minio,
    shared_worker: GpuWorker,
    tmp_path: Path,
) -> None:
    blocker = await start(client, inputs, "training.run", inputs.training(**ENDLESS), subject="trial-7")
    await until_step(blocker, 2)
    state = tmp_path / "state"
    with gpu_worker(temporal_address, store_config, state) as doomed:
        handle = await start(
            client, inputs, "training.run", inputs.training(total=5000, target=5000, save=4000)
        )
        await until_step(handle, 3)
        engine = next(state.glob("engines/*"))
        doomed.process.kill()
        doomed.process.wait()
    assert manifests(s3, inputs) == []
    with gpu_worker(temporal_address, store_config, state):
        await asyncio.to_thread(until, lambda: not engine.exists(), "the recovery")
        found = manifests(s3, inputs)
        assert len(found) == 1, "the orphaned trainer's own last checkpoint"
        step = int(found[0].split("-")[0])
        events = [e for e in trace(s3, inputs) if e["subject"] == f"{inputs.run}/trial-0"]
        steps = [e["data"]["step"] for e in events if "train_loss" in e["data"].get("values", {})]
        assert steps == list(range(1, step + 1))
    with pytest.raises(WorkflowFailureError) as raised:
        await handle.result()
    assert isinstance(raised.value.cause, ActivityError)
    assert isinstance(raised.value.cause.cause, TemporalTimeout), "no heartbeat comes from the dead"
    await blocker.cancel()
    await blocker.result()


async def test_a_state_folder_has_one_worker(
    shared_worker: GpuWorker, temporal_address: str, store_config: StoreConfig
) -> None:
    with (
        pytest.raises(RuntimeError, match="ended with 3"),
        gpu_worker(temporal_address, store_config, shared_worker.state_dir),
    ):
        pass
