"""A store that goes away under a running trial: the trial goes on, and is delivered when it is back."""

from __future__ import annotations

import asyncio
import uuid
from contextlib import ExitStack
from pathlib import Path

from minio import Minio
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from belay_gpu.engine.errors import EngineError
from belay_gpu.worker.config import StoreConfig
from belay_gpu.worker.store import ObjectStore
from tests.support.servers import free_port, object_store, until
from tests.worker.harness import OneJob, gpu_worker
from tests.worker.jobs import make_inputs

STEPS = 400


def client_of(config: StoreConfig) -> Minio:
    address = config.endpoint.removeprefix("http://")
    return Minio(address, config.access_key, config.secret_key, secure=False, region="us-east-1")


async def test_a_trial_outlives_an_outage_of_the_store(temporal_address: str, tmp_path: Path) -> None:
    port, folder, run = free_port(), tmp_path / "minio", f"run-{uuid.uuid4().hex[:8]}"
    client = await Client.connect(temporal_address, data_converter=pydantic_data_converter)
    with ExitStack() as outer:
        first = ExitStack()
        config = first.enter_context(object_store(folder, port))
        client_of(config).make_bucket(config.bucket)
        store = ObjectStore(config)
        inputs = make_inputs(store, tmp_path, run)
        worker = outer.enter_context(gpu_worker(temporal_address, config, tmp_path / "state"))
        async with Worker(client, task_queue="test", workflows=[OneJob]):
            request = {
                "run": run,
                "subject": f"{run}/trial-0",
                "epoch": 1,
                "entrypoint": "training.run",
                "params": inputs.training(target=STEPS, total=STEPS, save=20),
            }
            handle = await client.start_workflow("oneJob", request, id=f"job-{run}", task_queue="test")
            folders = worker.state_dir.glob
            await asyncio.to_thread(
                until, lambda: list(folders("engines/*/*/jobs/*/checkpoints/*-1")), "the first checkpoint"
            )
            first.close()
            try:
                store.put_blob(b"x", "x/y")
            except EngineError as error:
                assert error.type == "StorageUnavailable"
            else:
                raise AssertionError("the store still answers")
            await asyncio.to_thread(
                until,
                lambda: list(folders(f"engines/*/*/jobs/*/checkpoints/{STEPS:08d}-1")),
                "the last checkpoint",
                120,
            )
            outer.enter_context(object_store(folder, port))
            result = await handle.result()
    assert result["status"] == "reached"
    assert result["checkpoint"]["step"] == STEPS
    assert result["walSegments"]
