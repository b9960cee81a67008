"""The GPU worker as a process, ruled by workflows on a real Temporal server, with a real object store."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from typing import Any

import pytest
from minio import Minio
from temporalio.client import Client

from belay_gpu.contracts.models import CheckpointManifest
from belay_gpu.worker.store import ObjectStore
from tests.support.servers import until
from tests.worker.calls import ENDLESS, failure, manifests, read, start, trace, until_step
from tests.worker.harness import GpuWorker
from tests.worker.jobs import Inputs


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
