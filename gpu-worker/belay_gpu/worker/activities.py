"""The activities of an engine, by their names on the wire. Each body is one call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio import activity

from belay_gpu.contracts.models import (
    EvalInput,
    EvalOutput,
    HubPushInput,
    HubPushOutput,
    JobContext,
    MergeInput,
    MergeOutput,
    SeatGrant,
    SeatRelease,
    SeatRequest,
    TrainingInput,
    TrainingOutput,
)
from belay_gpu.contracts.names import Activities
from belay_gpu.engine.errors import EngineError
from belay_gpu.logs import log_context
from belay_gpu.trainer.commands import ReleaseOrder
from belay_gpu.worker.beating import beating
from belay_gpu.worker.errors import as_failures
from belay_gpu.worker.evaluation import run_evaluation
from belay_gpu.worker.host import EngineHost
from belay_gpu.worker.hub import push_to_hub
from belay_gpu.worker.merging import run_merge
from belay_gpu.worker.seats import SeatWish
from belay_gpu.worker.training import TrainingRun

# Held this much shorter than the activity may take, so that the answer still arrives.
SEAT_MARGIN_SECONDS = 10.0


class EngineActivities:
    def __init__(self, host: EngineHost) -> None:
        self._host = host

    @activity.defn(name=Activities.GPU_ACQUIRE_SEAT)
    async def acquire_seat(self, request: SeatRequest) -> SeatGrant:
        host, wish = self._host, SeatWish(request.subject, request.base, request.exclusive)
        limit = activity.info().start_to_close_timeout or timedelta(seconds=60)
        hold = max(1.0, limit.total_seconds() - SEAT_MARGIN_SECONDS)
        with log_context(run=request.run, subject=request.subject), as_failures():
            try:
                async with beating():
                    seat_id = await host.desk.acquire(wish, hold)
            except asyncio.CancelledError:
                host.desk.withdraw(request.subject)
                raise
            return SeatGrant(
                engine_id=host.engine_id,
                task_queue=host.task_queue,
                seat_id=seat_id,
                device=host.device,
            )

    @activity.defn(name=Activities.GPU_RELEASE_SEAT)
    async def release_seat(self, input: SeatRelease) -> None:
        """Nothing of the seat's subject stays on the engine, be it parked."""
        subject = self._host.desk.book.subject(input.seat_id)
        self._host.desk.release(input.seat_id)
        if subject is None:
            return
        with log_context(subject=subject), as_failures():
            try:
                trainer = self._host.trainer()
            except EngineError:
                return  # what was parked went with the trainer
            await asyncio.to_thread(trainer.spool.put, ReleaseOrder(subject))

    @activity.defn(name=Activities.TRAINING_RUN)
    async def training_run(self, input: TrainingInput) -> TrainingOutput:
        async with self._seated(input.job):
            return await TrainingRun(self._host, input).run()

    @activity.defn(name=Activities.EVAL_RUN)
    async def eval_run(self, input: EvalInput) -> EvalOutput:
        async with self._seated(input.job), beating():
            return await run_evaluation(self._host, input)

    @activity.defn(name=Activities.MERGE_RUN)
    async def merge_run(self, input: MergeInput) -> MergeOutput:
        async with self._seated(input.job), beating():
            return await run_merge(self._host, input)

    @activity.defn(name=Activities.HUB_PUSH)
    async def hub_push(self, input: HubPushInput) -> HubPushOutput:
        async with self._seated(input.job), beating():
            return await push_to_hub(self._host, input)

    @asynccontextmanager
    async def _seated(self, job: JobContext) -> AsyncIterator[None]:
        """Fenced, seated, and with failures in the contract's words."""
        seat_id = job.seat.seat_id if job.seat else None
        with log_context(run=job.run, subject=job.subject, epoch=job.epoch), as_failures():
            self._host.fence(job.subject, job.epoch)
            with self._host.desk.sitting(seat_id, job.subject, job.release_seat), self._host.cache.held():
                try:
                    yield
                finally:
                    if seat_id is not None and _nobody_waits():
                        self._host.desk.release(seat_id)


def _nobody_waits() -> bool:
    """The caller was terminated or reset, or took this engine for lost: it will not give its seat back."""
    details = activity.cancellation_details()
    return details is not None and (details.not_found or details.timed_out)
