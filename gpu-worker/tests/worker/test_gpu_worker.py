"""The GPU worker as a process, ruled by workflows on a real Temporal server, with a real object store."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from minio import Minio
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.exceptions import TimeoutError as TemporalTimeout
from temporalio.worker import Worker

from belay_gpu.contracts.models import CheckpointManifest
from belay_gpu.wal import valid_prefix
from belay_gpu.worker.config import StoreConfig
from belay_gpu.worker.store import ObjectStore
from tests.support.servers import until
from tests.worker.harness import GpuWorker, OneJob, gpu_worker
from tests.worker.jobs import Inputs, make_inputs

ENDLESS = {"target": 5000, "total": 5000}


@pytest.fixture(scope="module")
def shared_worker(
    temporal_address: str, store_config: StoreConfig, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GpuWorker]:
    """One worker for the tests that leave it alive; the trainer's imports are paid once."""
    with gpu_worker(temporal_address, store_config, tmp_path_factory.mktemp("gpu") / "state") as worker:
        yield worker


@pytest.fixture
async def client(temporal_address: str) -> AsyncIterator[Client]:
    client = await Client.connect(temporal_address, data_converter=pydantic_data_converter)
    async with Worker(client, task_queue="test", workflows=[OneJob]):
        yield client


@pytest.fixture
def s3(store_config: StoreConfig) -> Minio:
    address = store_config.endpoint.removeprefix("http://")
    return Minio(address, store_config.access_key, store_config.secret_key, secure=False, region="us-east-1")


@pytest.fixture
def inputs(store: ObjectStore, tmp_path: Path) -> Inputs:
    return make_inputs(store, tmp_path, f"run-{uuid.uuid4().hex[:8]}")


async def start(
    client: Client,
    inputs: Inputs,
    entrypoint: str,
    params: dict[str, Any],
    *,
    subject: str = "trial-0",
    **more: Any,
) -> WorkflowHandle[Any, Any]:
    request = {
        "run": inputs.run,
        "subject": f"{inputs.run}/{subject}",
        "epoch": 1,
        "entrypoint": entrypoint,
        "params": params,
        **more,
    }
    return await client.start_workflow("oneJob", request, id=f"job-{uuid.uuid4()}", task_queue="test")


async def failure(handle: WorkflowHandle[Any, Any]) -> ApplicationError:
    with pytest.raises(WorkflowFailureError) as raised:
        await handle.result()
    cause = raised.value.cause
    assert isinstance(cause, ActivityError)
    assert isinstance(cause.cause, ApplicationError)
    return cause.cause


def read(s3: Minio, uri: str) -> bytes:
    return s3.get_object("belay", uri.removeprefix("s3://belay/")).read()


def names(s3: Minio, prefix: str) -> list[str]:
    entries = s3.list_objects("belay", prefix=prefix, recursive=True)
    return [entry.object_name for entry in entries if entry.object_name is not None]


def manifests(s3: Minio, inputs: Inputs, folder: str = "trials/0") -> list[str]:
    prefix = f"runs/{inputs.run}/{folder}/checkpoints/"
    return sorted(name.removeprefix(prefix) for name in names(s3, prefix))


def trace(s3: Minio, inputs: Inputs) -> list[dict[str, Any]]:
    """All events of the run in the store; each segment must be whole."""
    events = []
    for name in names(s3, f"runs/{inputs.run}/wal/"):
        data = s3.get_object("belay", name).read()
        prefix = valid_prefix(data)
        assert prefix.end == len(data)
        assert f"/{prefix.events[0]['seq']:012d}.jsonl" in name
        events += prefix.events
    return events


async def step_of(handle: WorkflowHandle[Any, Any]) -> int:
    """The step that the running training's newest heartbeat told."""
    description = await handle.describe()
    for pending in description.raw_description.pending_activities:
        if pending.activity_type.name == "training.run" and pending.heartbeat_details.payloads:
            return int(json.loads(pending.heartbeat_details.payloads[0].data)["step"])
    return 0


async def until_step(handle: WorkflowHandle[Any, Any], step: int) -> None:
    while await step_of(handle) < step:
        status = (await handle.describe()).status
        assert status == WorkflowExecutionStatus.RUNNING, f"{handle.id} ended before step {step}"
        await asyncio.sleep(0.1)


@pytest.fixture(scope="module")
def straight() -> dict[str, Any]:
    """The fault-free run's result, filled by the first test that has it."""
    return {}


async def test_a_trial_from_seat_to_artifacts(
    shared_worker: GpuWorker, client: Client, inputs: Inputs, s3: Minio, straight: dict[str, Any]
) -> None:
    trained = await (await start(client, inputs, "training.run", inputs.training())).result()
    assert (trained["status"], trained["step"], trained["resumedFromStep"]) == ("reached", 30, 0)
    assert trained["checkpoint"]["step"] == 30
    straight.update(trained)
    manifest = CheckpointManifest.model_validate_json(read(s3, trained["checkpoint"]["manifest"]["uri"]))
    assert manifest.trial_id == f"{inputs.run}/trial-0"
    assert manifest.metrics == trained["metrics"]
    files = {file.path: file.ref for file in manifest.files}
    assert files["adapter_model.safetensors"].sha256 == trained["adapterSha256"]
    assert set(files) == {
        "adapter_config.json",
        "adapter_model.safetensors",
        "trainer_state.safetensors",
        "trainer_state.json",
    }
    assert "00000030-1.json" in manifests(s3, inputs)
    events = trace(s3, inputs)
    steps = [e["data"]["step"] for e in events if "train_loss" in e["data"].get("values", {})]
    assert sorted(steps) == list(range(1, 31))
    assert trained["walSegments"]
    scored = await (
        await start(client, inputs, "eval.run", inputs.evaluation(trained["checkpoint"]))
    ).result()
    base = await (
        await start(client, inputs, "eval.run", inputs.evaluation(None), subject="eval-base")
    ).result()
    assert scored["metrics"]["eval_loss"] < base["metrics"]["eval_loss"]
    assert "exact_match" in scored["metrics"]
    assert len(json.loads(read(s3, scored["perExample"]["uri"]))["examples"]) == scored["examples"] == 8
    assert json.loads(read(s3, scored["metricsJson"]["uri"]))["metrics"] == scored["metrics"]
    merged = await (
        await start(client, inputs, "merge.run", inputs.merge(trained["checkpoint"]), subject="merge")
    ).result()
    assert merged["passed"]
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= {
        file["path"] for file in merged["files"]
    }
    leftovers = list(shared_worker.state_dir.glob("engines/*/*/jobs/*"))
    assert leftovers == []


async def test_a_cancelled_training_returns_its_checkpoint(
    shared_worker: GpuWorker, client: Client, inputs: Inputs, s3: Minio
) -> None:
    handle = await start(client, inputs, "training.run", inputs.training(**ENDLESS))
    await until_step(handle, 5)
    await handle.cancel()
    stopped = await handle.result()
    assert stopped["status"] == "stopped"
    assert stopped["metrics"] == {}
    assert stopped["step"] == stopped["checkpoint"]["step"] >= 5
    assert f"{stopped['step']:08d}-1.json" in manifests(s3, inputs)


async def test_an_older_epoch_is_refused(shared_worker: GpuWorker, client: Client, inputs: Inputs) -> None:
    newer = await start(client, inputs, "training.run", inputs.training(target=2), epoch=5)
    assert (await newer.result())["status"] == "reached"
    refused = await failure(await start(client, inputs, "training.run", inputs.training(target=2), epoch=4))
    assert refused.type == "StaleEpoch"
    assert refused.non_retryable


async def test_a_diverged_trial_is_a_status_and_no_payload_holds_a_nan(
    shared_worker: GpuWorker, client: Client, inputs: Inputs
) -> None:
    params = inputs.training(learning_rate=1e30, max_grad_norm=None, lr_scheduler_type="constant")
    handle = await start(client, inputs, "training.run", params)
    assert (await handle.result())["status"] == "diverged"
    async for event in handle.fetch_history_events():
        assert "NaN" not in str(event)


@pytest.mark.parametrize(
    ("change", "type_", "message"),
    [
        ({"model": {"model_name_or_path": "/no/such/model"}}, "ModelUnavailable", "there is no such folder"),
        ({"model": {"model_name_or_path": "x", "load_in_4bit": True}}, "Unsupported", "CUDA"),
        ({"targetStep": 99}, "InvalidSpec", "beyond"),
    ],
)
async def test_what_cannot_run_fails_with_one_line(
    shared_worker: GpuWorker, client: Client, inputs: Inputs, change: dict[str, Any], type_: str, message: str
) -> None:
    refused = await failure(await start(client, inputs, "training.run", {**inputs.training(), **change}))
    assert refused.type == type_
    assert message in refused.message
    assert "\n" not in refused.message


async def test_a_damaged_object_is_named(shared_worker: GpuWorker, client: Client, inputs: Inputs) -> None:
    good = inputs.dataset["splits"]["train"]
    wrong = {**inputs.dataset, "splits": {**inputs.dataset["splits"], "train": {**good, "sha256": "f" * 64}}}
    refused = await failure(
        await start(client, inputs, "training.run", {**inputs.training(), "dataset": wrong})
    )
    assert refused.type == "CorruptArtifact"
    assert good["uri"] in refused.message


async def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    shared_worker: GpuWorker, client: Client, inputs: Inputs, s3: Minio, store: ObjectStore
) -> None:
    first = await (await start(client, inputs, "training.run", inputs.training(target=10))).result()
    second = await (
        await start(
            client,
            inputs,
            "training.run",
            inputs.training(target=20),
            epoch=2,
            resumeFrom=[first["checkpoint"]],
        )
    ).result()
    assert second["resumedFromStep"] == 10
    manifest = CheckpointManifest.model_validate_json(read(s3, second["checkpoint"]["manifest"]["uri"]))
    state = next(file.ref for file in manifest.files if file.path == "trainer_state.safetensors")
    cached = list(shared_worker.state_dir.glob(f"cache/{state.sha256}"))
    assert cached == []
    store.put_named(state.uri.removeprefix("s3://belay/"), b"damaged", "application/octet-stream")
    third = await (
        await start(
            client,
            inputs,
            "training.run",
            inputs.training(target=20),
            epoch=3,
            resumeFrom=[second["checkpoint"], first["checkpoint"]],
        )
    ).result()
    assert third["resumedFromStep"] == 10
    assert third["adapterSha256"] == second["adapterSha256"]


async def test_a_parked_trial_goes_on_without_its_checkpoint(
    shared_worker: GpuWorker, client: Client, inputs: Inputs, straight: dict[str, Any]
) -> None:
    rung = await (await start(client, inputs, "training.run", inputs.training(target=15, park=60))).result()
    last = await (
        await start(
            client, inputs, "training.run", inputs.training(park=0), epoch=2, resumeFrom=[rung["checkpoint"]]
        )
    ).result()
    assert last["resumedFromStep"] == 15
    assert last["adapterSha256"] == straight["adapterSha256"]
    assert last["metrics"] == straight["metrics"]


async def test_a_hub_upload_without_a_token_is_refused(
    shared_worker: GpuWorker, client: Client, inputs: Inputs
) -> None:
    refused = await failure(
        await start(client, inputs, "hub.push", {"repo": "a/b", "files": []}, subject="push")
    )
    assert refused.type == "Unsupported"
    assert "HF_TOKEN" in refused.message


async def test_a_killed_trainer_is_replaced_and_its_last_checkpoint_is_in_the_store(
    shared_worker: GpuWorker, client: Client, inputs: Inputs, s3: Minio, straight: dict[str, Any]
) -> None:
    handle = await start(client, inputs, "training.run", inputs.training(total=5000, target=5000, save=5))
    await until_step(handle, 12)
    pid = shared_worker.trainer_pid()
    os.kill(pid, signal.SIGKILL)
    lost = await failure(handle)
    assert lost.type == "EngineLost"
    assert lost.details[0]["resident"] is True
    assert lost.details[0]["gpuSeconds"] > 0, "what the trainer had used is told, though its answer is lost"
    newest = manifests(s3, inputs)[-1]
    assert lost.details[0]["checkpoint"]["manifest"]["uri"].endswith(newest)
    events = trace(s3, inputs)
    done = max(e["data"]["step"] for e in events if "train_loss" in e["data"].get("values", {}))
    kept = int(newest.split("-")[0])
    assert done - kept <= 5
    again = await (await start(client, inputs, "training.run", inputs.training(), subject="trial-1")).result()
    assert shared_worker.trainer_pid() != pid
    assert again["adapterSha256"] == straight["adapterSha256"]


async def test_a_trainer_that_is_asked_to_stop_makes_no_suspect(
    shared_worker: GpuWorker, client: Client, inputs: Inputs, s3: Minio
) -> None:
    handle = await start(client, inputs, "training.run", inputs.training(**ENDLESS))
    await until_step(handle, 3)
    pid = shared_worker.trainer_pid()
    os.kill(pid, signal.SIGTERM)
    lost = await failure(handle)
    # Until it has exited, the seat that came free would be granted on it once more.
    await asyncio.to_thread(until, lambda: shared_worker.trainer_pid() != pid, "the next trainer")
    assert lost.type == "EngineLost"
    assert lost.details[0]["resident"] is False
    assert lost.details[0]["checkpoint"]["step"] >= 3


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
