"""The folder of a job stays for as long as the trainer has the job, or the store lacks what it saved; then it
goes, whoever still waits for it.
"""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from belay_gpu.contracts.models import ArtifactRef
from belay_gpu.engine.errors import EngineError
from belay_gpu.wal import valid_prefix
from belay_gpu.worker import follow, recovery, training
from belay_gpu.worker.config import StoreConfig
from belay_gpu.worker.store import ObjectStore
from tests.worker.inprocess import Dispatch, InProcess, engine_in_process, eventually, manifests, serving
from tests.worker.jobs import Inputs, make_inputs


@pytest.fixture
def inputs(store: ObjectStore, tmp_path: Path) -> Inputs:
    return make_inputs(store, tmp_path, f"run-{uuid.uuid4().hex[:8]}")


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes a minute or two in the field is over at once."""
    monkeypatch.setattr(follow, "STOP_SECONDS", 0.0)
    monkeypatch.setattr(training, "STORE_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(recovery, "RETRY_SECONDS", 0.01)


def resumptions(engine: InProcess, run: str) -> list[tuple[int, int]]:
    """Epoch and step of each time that a trial came on board."""
    log = engine.spool.wal_path(run)
    events = valid_prefix(log.read_bytes(), 0).events if log.exists() else []
    return [(e["epoch"], e["data"]["fromStep"]) for e in events if e["kind"] == "trial.resumed"]


async def lost(dispatch: Dispatch) -> None:
    """Cancels the activity, whose trainer does not answer."""
    dispatch.cancel()
    with pytest.raises((EngineError, ApplicationError), match="did not stop") as raised:
        await dispatch.output()
    assert raised.value.type == "EngineLost"


async def test_a_trial_that_is_paused_while_a_base_loads_goes_on_from_its_checkpoint(
    inputs: Inputs, store: ObjectStore, store_config: StoreConfig, tmp_path: Path
) -> None:
    async with engine_in_process(tmp_path / "first", store) as first, serving(first):
        trained = await first.train(inputs, target=10)
        assert first.folders() == []
    async with engine_in_process(tmp_path / "second", store) as engine, serving(engine):
        engine.may_load.clear()
        paused = Dispatch.training(engine, inputs, epoch=2, resume=[trained["checkpoint"]])
        await eventually(engine.loading.is_set, "the load")
        await lost(paused)
        assert resumptions(engine, inputs.run) == []
        engine.may_load.set()
        await eventually(lambda: resumptions(engine, inputs.run), "the trial on board")
        assert resumptions(engine, inputs.run) == [(2, 10)]
        await eventually(lambda: engine.folders() == [], "the end of the job")
        await eventually(lambda: not engine.host.leftovers, "the end of the watch")
    saved = manifests(store_config, inputs.run)
    assert saved[0] == "0/00000010-1"
    assert [name for name in saved if name.endswith("-2")], "what it saved after all is in the store"


@pytest.mark.parametrize("kind", ["training", "evaluation"])
async def test_a_job_that_is_given_up_while_a_base_loads_hurts_no_other(
    inputs: Inputs, store: ObjectStore, tmp_path: Path, kind: str
) -> None:
    async with engine_in_process(tmp_path, store) as engine:
        engine.may_load.clear()
        resident = Dispatch.training(engine, inputs, target=10)
        await eventually(lambda: engine.orders() == 1, "the first order")
        if kind == "training":
            waiting = Dispatch.training(engine, inputs, trial=1, target=10)
        else:
            waiting = Dispatch.evaluation(engine, inputs)
        await eventually(lambda: engine.orders() == 2, "the second order")
        async with serving(engine):
            await eventually(engine.loading.is_set, "the load")
            assert len(engine.folders()) == 2, "both orders were taken"
            await lost(waiting)
            engine.may_load.set()
            assert (await resident.output())["status"] == "reached"
            await eventually(lambda: engine.folders() == [], "the end of both")


async def test_a_finished_trial_is_delivered_when_the_store_is_back(
    inputs: Inputs,
    store: ObjectStore,
    store_config: StoreConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    put_named, tries, is_away = store.put_named, [], True

    def put(key: str, data: bytes, media: str) -> Any:
        if is_away:
            tries.append(key)
            raise EngineError("StorageUnavailable", "the object store does not answer")
        return put_named(key, data, media)

    monkeypatch.setattr(store, "put_named", put)
    async with engine_in_process(tmp_path, store) as engine, serving(engine):
        with pytest.raises(ApplicationError, match="does not answer") as raised:
            await engine.train(inputs, target=10)
        assert raised.value.type == "StorageUnavailable"
        assert raised.value.details[0]["gpuSeconds"] > 0, "what it had used is told, though it was in vain"
        given_up = len(tries)
        assert manifests(store_config, inputs.run) == []
        await eventually(lambda: len(tries) > given_up, "another try")
        is_away = False
        await eventually(lambda: engine.folders() == [], "the delivery")
    assert manifests(store_config, inputs.run) == ["0/00000010-1"]


async def test_a_job_that_fails_leaves_what_it_saved_in_the_store_and_no_folder(
    inputs: Inputs, store: ObjectStore, store_config: StoreConfig, tmp_path: Path
) -> None:
    async with engine_in_process(tmp_path, store) as engine, serving(engine):
        with pytest.raises(ApplicationError, match="beyond"):
            await engine.train(inputs, target=99)
        older = Dispatch.training(engine, inputs, trial=1, target=5000, total=5000, save=5)
        await eventually(lambda: list(engine.spool.jobs.glob("*/checkpoints/*-1")), "a checkpoint")
        newer = await engine.train(inputs, trial=1, epoch=2, target=10)
        with pytest.raises(ApplicationError, match="was followed by"):
            await older.output()
        await eventually(lambda: engine.folders() == [], "the end of all")
    assert newer["status"] == "reached"
    saved = manifests(store_config, inputs.run)
    assert "1/00000010-2" in saved
    assert [name for name in saved if name.endswith("-1")]


async def test_a_job_whose_inputs_cannot_be_fetched_leaves_no_folder(
    inputs: Inputs, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with engine_in_process(tmp_path / "first", store) as first, serving(first):
        trained = await first.train(inputs, target=10)
    fetch, seen = store.fetch, []

    def fetched(ref: ArtifactRef, target: Path) -> None:
        if ref.sha256 == trained["adapterSha256"]:
            seen.extend(engine.folders())
            raise EngineError("StorageUnavailable", "the object store does not answer")
        fetch(ref, target)

    monkeypatch.setattr(store, "fetch", fetched)
    async with engine_in_process(tmp_path / "second", store) as engine:
        with pytest.raises(ApplicationError, match="does not answer"):
            await engine.train(inputs, epoch=2, resume=[trained["checkpoint"]])
        assert len(seen) == 1
        await eventually(lambda: engine.folders() == [], "the end of the folder")


async def test_a_checkpoint_that_went_bad_on_this_disk_is_fetched_again(
    inputs: Inputs, store: ObjectStore, tmp_path: Path
) -> None:
    async with engine_in_process(tmp_path, store) as engine, serving(engine):
        trained = await engine.train(inputs, target=10)
        resume = [trained["checkpoint"]]
        await engine.train(inputs, epoch=2, target=12, resume=resume)
        [cached] = (tmp_path / "cache").glob(trained["adapterSha256"])
        cached.write_bytes(b"damaged")
        with pytest.raises(ApplicationError, match="cannot be read") as raised:
            await engine.train(inputs, epoch=3, target=12, resume=resume)
        assert raised.value.type == "StorageUnavailable"
        again = await engine.train(inputs, epoch=4, target=12, resume=resume)
        assert again["resumedFromStep"] == 10
        assert resumptions(engine, inputs.run) == [(1, 0), (2, 10), (4, 10)]


async def test_a_shipment_whose_activity_is_cancelled_is_not_overtaken(
    inputs: Inputs, store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with engine_in_process(tmp_path, store) as engine, serving(engine):
        await engine.train(inputs, target=10)
        shipper = engine.host.shipper(engine.generation)
        began, go_on, order = asyncio.Event(), asyncio.Event(), []
        loop = asyncio.get_running_loop()

        def slowly(path: Path) -> None:
            order.append("in")
            loop.call_soon_threadsafe(began.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(60)
            order.append("out")

        monkeypatch.setattr(shipper, "_ship_new_lines", slowly)
        first = asyncio.create_task(shipper.ship(inputs.run))
        await began.wait()
        first.cancel()
        await asyncio.wait({first})
        second = asyncio.create_task(shipper.ship(inputs.run))
        go_on.set()
        await second
        assert order == ["in", "out", "in", "out"]
