"""An engine in this process: a real trainer in a thread, whose base loads as slowly as a test wants."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import torch
from minio import Minio
from temporalio.testing import ActivityEnvironment

from belay_gpu.contracts.models import EvalInput, TrainingInput
from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.spec import BaseSpec
from belay_gpu.trainer.bases import Bases
from belay_gpu.trainer.jobs import Resources
from belay_gpu.trainer.parking import ParkingLot
from belay_gpu.trainer.service import Trainer
from belay_gpu.trainer.spool import Spool
from belay_gpu.worker.cache import InputCache
from belay_gpu.worker.config import StoreConfig
from belay_gpu.worker.evaluation import run_evaluation
from belay_gpu.worker.host import EngineHost
from belay_gpu.worker.seat_desk import SeatDesk
from belay_gpu.worker.seats import SeatBook
from belay_gpu.worker.shipping import Segments
from belay_gpu.worker.store import ObjectStore
from belay_gpu.worker.supervisor import Generation
from belay_gpu.worker.training import TrainingRun
from tests.support.servers import until
from tests.worker.jobs import Inputs


async def eventually(condition: Callable[[], object], what: str) -> None:
    await asyncio.to_thread(until, condition, what)


@dataclass
class InProcess:
    """`may_load`: cleared where a load is to be kept back; `loading`: one has begun."""

    host: EngineHost
    generation: Generation
    trainer: Trainer
    may_load: threading.Event
    loading: threading.Event

    @property
    def spool(self) -> Spool:
        return self.generation.spool

    def folders(self) -> list[str]:
        """Jobs whose folder is still there."""
        return sorted(entry.name for entry in self.spool.jobs.iterdir())

    def orders(self) -> int:
        """Orders that the trainer has not taken."""
        return len(list(self.spool.commands.glob("[!.]*")))

    async def train(self, inputs: Inputs, *, trial: int = 0, epoch: int = 1, **more: Any) -> dict[str, Any]:
        return await Dispatch.training(self, inputs, trial=trial, epoch=epoch, **more).output()


class Dispatch:
    """An activity under way."""

    def __init__(self, environment: ActivityEnvironment, running: Awaitable[Any]) -> None:
        self.environment, self._running = environment, asyncio.ensure_future(running)

    @classmethod
    def training(
        cls,
        engine: InProcess,
        inputs: Inputs,
        *,
        trial: int = 0,
        epoch: int = 1,
        resume: list[Any] | None = None,
        **steps: int,
    ) -> Dispatch:
        job = _job(inputs, f"trial-{trial}", epoch, resume or [])
        input = TrainingInput.model_validate({**inputs.training(**steps), "trial": trial, "job": job})
        environment = ActivityEnvironment()
        return cls(environment, cast(Any, environment.run(TrainingRun(engine.host, input).run)))

    @classmethod
    def evaluation(cls, engine: InProcess, inputs: Inputs) -> Dispatch:
        job = _job(inputs, "eval", 1, [])
        input = EvalInput.model_validate({**inputs.evaluation(None), "job": job})
        environment = ActivityEnvironment()
        return cls(environment, cast(Any, environment.run(run_evaluation, engine.host, input)))

    async def output(self) -> dict[str, Any]:
        return (await self._running).model_dump(mode="json", by_alias=True)

    def cancel(self) -> None:
        self.environment.cancel()


def _job(inputs: Inputs, subject: str, epoch: int, resume: list[Any]) -> dict[str, Any]:
    return {
        "run": inputs.run,
        "subject": f"{inputs.run}/{subject}",
        "epoch": epoch,
        "resumeFrom": resume,
        "seat": None,
        "releaseSeat": False,
    }


@asynccontextmanager
async def engine_in_process(folder: Path, store: ObjectStore) -> AsyncIterator[InProcess]:
    """Its trainer takes no order before `serve`. A trainer that ends by an error fails the test."""
    device, may_load, loading = torch.device("cpu"), threading.Event(), threading.Event()
    may_load.set()

    def build(base: BaseSpec, device: torch.device) -> PeftEngine:
        loading.set()
        assert may_load.wait(60)
        return PeftEngine(base, device)

    spool = Spool(folder / "spool")
    resources = Resources(spool, Bases(device, build), ParkingLot(4), device, "engine.1", {})
    generation = Generation(1, spool, cast(Any, None))
    host = EngineHost(
        engine_id="engine",
        task_queue="engine",
        store=store,
        cache=InputCache(folder / "cache", store),
        desk=SeatDesk(SeatBook(1)),
        segments=Segments(),
        hub_token=None,
        supervisor=cast(Any, SimpleNamespace(current=generation)),
    )
    engine = InProcess(host, generation, Trainer(resources), may_load, loading)
    try:
        yield engine
    finally:
        may_load.set()


@asynccontextmanager
async def serving(engine: InProcess) -> AsyncIterator[None]:
    running = asyncio.create_task(asyncio.to_thread(engine.trainer.run))
    running.add_done_callback(lambda _: engine.generation.dead.set())
    try:
        yield
    finally:
        engine.may_load.set()
        engine.trainer.request_stop()
        await running


def manifests(config: StoreConfig, run: str) -> list[str]:
    """Checkpoints of the run's trials in the store, as `<trial>/<step>-<epoch>`."""
    address = config.endpoint.removeprefix("http://")
    client = Minio(address, config.access_key, config.secret_key, secure=False, region="us-east-1")
    prefix = f"runs/{run}/trials/"
    found = [entry.object_name for entry in client.list_objects(config.bucket, prefix=prefix, recursive=True)]
    return sorted(
        name.removeprefix(prefix).removesuffix(".json").replace("/checkpoints/", "/")
        for name in found
        if name is not None
    )
