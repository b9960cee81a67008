"""How tests of the GPU worker ask it for work, and what they read in the store afterwards."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import pytest
from minio import Minio
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ActivityError, ApplicationError

from belay_gpu.wal import valid_prefix
from tests.worker.jobs import Inputs

ENDLESS = {"target": 5000, "total": 5000}


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
