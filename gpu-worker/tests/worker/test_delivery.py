"""What brings checkpoints and traces to the store goes on whatever fails once, and says so."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.exceptions import ApplicationError

from belay_gpu.contracts.models import ArtifactRef
from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.protocol import Snapshot
from belay_gpu.trainer.checkpoints import write_checkpoint
from belay_gpu.trainer.spool import Spool
from belay_gpu.worker import training
from belay_gpu.worker.recovery import recover_all
from belay_gpu.worker.shipping import Segments
from belay_gpu.worker.store import ObjectStore
from belay_gpu.worker.supervisor import Generation
from belay_gpu.worker.training import TrainingRun


@pytest.mark.parametrize(
    ("error", "is_defect"),
    [
        (OSError(5, "Input/output error"), True),
        (KeyError("files"), True),
        (EngineError("StorageUnavailable", "the object store does not answer"), False),
    ],
    ids=["disk", "defect", "store"],
)
async def test_a_failed_delivery_is_tried_again_and_logged_once(
    error: Exception, is_defect: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = TrainingRun(cast(Any, SimpleNamespace(next_job=lambda kind: "000000-train")), cast(Any, None))
    calls, delivered = [], asyncio.Event()

    async def work() -> None:
        calls.append(1)
        if len(calls) < 4:
            raise error
        delivered.set()

    with caplog.at_level(logging.WARNING, training.__name__):
        task = asyncio.create_task(run._repeat(0, work))
        await asyncio.wait_for(delivered.wait(), 60)
        task.cancel()
    [line] = caplog.records
    assert line.__dict__["fields"]["reason"] in str(error)
    assert (line.exc_info is not None) is is_defect


async def test_both_deliveries_of_a_training_outlive_an_error_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `run` starts them, with a trainer that ends when both were tried after their failure."""
    tries = {"ship": 0, "upload": 0}
    both = asyncio.Event()

    def tried(what: str) -> None:
        tries[what] += 1
        if min(tries.values()) >= 3:
            both.set()
        raise OSError(5, "Input/output error")

    async def ship(run: str) -> None:
        tried("ship")

    def listed(folder: Path) -> list[Path]:
        tried("upload")
        return []

    async def idle(_: TrainingRun) -> None:
        await asyncio.Event().wait()

    async def train(run: TrainingRun) -> dict[str, Any]:
        run.generation = Generation(1, Spool(tmp_path), cast(Any, None))
        await asyncio.wait_for(both.wait(), 60)
        raise EngineError("Cancelled", "enough")

    monkeypatch.setattr(training, "SHIP_SECONDS", 0)
    monkeypatch.setattr(training, "UPLOAD_POLL_SECONDS", 0)
    monkeypatch.setattr(training, "list_checkpoints", listed)
    monkeypatch.setattr(TrainingRun, "_beat", idle)
    monkeypatch.setattr(TrainingRun, "_train", train)
    host = SimpleNamespace(
        next_job=lambda kind: "000000-train",
        shipper=lambda generation: SimpleNamespace(ship=ship),
        leftovers=set(),
    )
    input = SimpleNamespace(job=SimpleNamespace(run="run"))
    with pytest.raises(ApplicationError, match="enough"):
        await TrainingRun(cast(Any, host), cast(Any, input)).run()


async def test_a_recovery_that_fails_is_logged_and_the_next_is_done(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def engine(name: str, order: dict[str, Any]) -> Path:
        spool = Spool(tmp_path / name / "1")
        job = spool.job_folder("a")
        write_checkpoint(job / "checkpoints", Snapshot(b"{}", b"adapter", b"state", {"step": 4}), 1, {})
        (job / "command.json").write_text(json.dumps(order))
        return tmp_path / name

    whole = {"kind": "train", "run": "r", "subject": "r/trial-0", "trial": 0}
    damaged, good = engine("e1", {"kind": "train"}), engine("e2", whole)
    keys: list[str] = []
    put: Callable[..., ArtifactRef] = lambda key, data, media: (  # noqa: E731
        keys.append(key) or ArtifactRef(uri=f"s3://b/{key}", sha256="0" * 64, size_bytes=1, media_type=media)
    )
    store = SimpleNamespace(put_named=put, put_blob=lambda data, media: put("blob", data, media))
    with caplog.at_level(logging.ERROR):
        await recover_all(tmp_path, "current", cast(ObjectStore, store), Segments())
    assert [line.__dict__["fields"]["engine"] for line in caplog.records] == ["e1"]
    assert caplog.records[0].exc_info is not None
    assert damaged.exists(), "left for the next boot"
    assert not good.exists()
    assert keys[-1] == "runs/r/trials/0/checkpoints/00000004-1.json"
