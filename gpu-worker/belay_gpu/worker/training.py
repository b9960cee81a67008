"""`training.run`: one trial, from the inputs in the store to a durable checkpoint at its target."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from belay_gpu.contracts.models import CheckpointRef, TrainingHeartbeat, TrainingInput, TrainingOutput
from belay_gpu.engine.errors import EngineError, first_line
from belay_gpu.files import remove_tree
from belay_gpu.trainer.checkpoints import list_checkpoints
from belay_gpu.trainer.commands import Candidate, TrainOrder
from belay_gpu.worker.errors import TrainerDied, failure
from belay_gpu.worker.follow import ShuttingDown, run_order
from belay_gpu.worker.host import EngineHost
from belay_gpu.worker.inputs import base_spec, fetch_newest, fetch_split, require_split
from belay_gpu.worker.leftovers import leave_job
from belay_gpu.worker.shipping import upload_checkpoint
from belay_gpu.worker.supervisor import Generation
from belay_gpu.worker.transfers import transfer

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 0.5
UPLOAD_POLL_SECONDS = 0.1
SHIP_SECONDS = 1.5
# How long a finished training waits for a store that does not answer, before it is handed back to be redone.
STORE_PATIENCE_SECONDS = 120.0


class TrainingRun:
    """One attempt. `durable` is the newest checkpoint whose manifest is in the store."""

    def __init__(self, host: EngineHost, input: TrainingInput) -> None:
        self.host, self.input = host, input
        self.durable: CheckpointRef | None = None
        self.step, self.loss, self.evaluation = 0, None, None
        self.gpu_seconds = 0.0
        self.job = host.next_job("train")
        self.generation: Generation | None = None
        self._uploading = asyncio.Lock()
        self._is_settled = False

    async def run(self) -> TrainingOutput:
        """Raises: EngineError before a trainer has it; from then on ApplicationError, as `_failure` says."""
        heart = asyncio.create_task(self._beat())
        ship = asyncio.create_task(self._repeat(SHIP_SECONDS, self._ship))
        upload = asyncio.create_task(self._repeat(UPLOAD_POLL_SECONDS, self._upload_newest))
        try:
            output = await self._train()
            await self._settle()
            return self._result(output)
        except (TrainerDied, ShuttingDown) as lost:
            # What it had saved is on this disk: nobody need do it again.
            await self._settle()
            raise self._failure(lost) from None
        except EngineError as error:
            if self.generation is None:
                raise
            if error.__cause__ is not None:
                log.warning("a training fails", exc_info=error)
            raise self._failure(error) from None
        finally:
            for task in (heart, ship, upload):
                task.cancel()
            await asyncio.gather(heart, ship, upload, return_exceptions=True)
            if self.generation is not None:
                await leave_job(self.host, self.generation, self.job, is_settled=self._is_settled)

    async def _train(self) -> dict[str, Any]:
        input, cache = self.input, self.host.cache
        train, info = await require_split(cache, input.dataset, "train")
        validation = await fetch_split(cache, input.dataset, "validation")
        generation = self.generation = self.host.trainer()
        resume = generation.spool.job_folder(self.job) / "resume"
        found = await fetch_newest(cache, input.job.resume_from, resume, input.target_step)
        if found is not None:
            self.durable, self.step = found[0], found[0].step
        order = TrainOrder(
            job=self.job,
            run=input.job.run,
            subject=input.job.subject,
            epoch=input.job.epoch,
            trial=input.trial,
            base=base_spec(input.model, input.task, info),
            config=input.config.model_dump(mode="json", by_alias=True),
            total_steps=input.total_steps,
            target_step=input.target_step,
            eval_steps=input.eval.eval_steps,
            save_steps=input.save.save_steps,
            eval_batch_size=input.eval.batch_size,
            park_seconds=input.park_seconds,
            train_data=str(train),
            validation_data=str(validation) if validation else None,
            resume=[Candidate(str(found[1]), found[0].step, found[0].epoch)] if found else [],
        )
        try:
            return await run_order(generation, order)
        except EngineError as error:
            if error.type == "StorageUnavailable" and found is not None:
                cache.check_again()  # perhaps the trainer could not read what it should resume from
            raise

    # -- beside the training

    def _look(self) -> None:
        """Takes in what the trainer last said of the job."""
        if self.generation is not None and (status := self.generation.spool.status(self.job)):
            self.step, self.loss, self.gpu_seconds = status["step"], status["loss"], status["gpuSeconds"]
            self.evaluation = status["evaluation"]

    async def _beat(self) -> None:
        while True:
            self._look()
            activity.heartbeat(
                TrainingHeartbeat(
                    trial=self.input.trial,
                    step=self.step,
                    total_steps=self.input.total_steps,
                    loss=self.loss,
                    evaluation=self.evaluation,
                    checkpoint=self.durable,
                    gpu_seconds=self.gpu_seconds,
                )
            )
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def _repeat(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Does a piece of work for ever. One that fails is tried again next time; a new reason is logged."""
        reason: str | None = None
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
                reason = None
            except Exception as error:
                if reason != (reason := first_line(error)):
                    known = isinstance(error, EngineError)
                    fields = {"job": self.job, "reason": reason}
                    log.warning(
                        "delivery is tried again", exc_info=None if known else error, extra={"fields": fields}
                    )

    async def _ship(self) -> None:
        """Raises: EngineError."""
        if self.generation is not None:
            await self.host.shipper(self.generation).ship(self.input.job.run)

    async def _upload_newest(self) -> None:
        """Makes the newest local checkpoint durable and removes the local ones before it.

        Raises:
            EngineError: as the store says.
        """
        if self.generation is None:
            return
        async with self._uploading:
            found = list_checkpoints(self.generation.spool.job_folder(self.job) / "checkpoints")
            if not found:
                return
            newest, context = found[-1], self.input.job
            if self.durable is None or not self.durable.manifest.uri.endswith(f"/{newest.name}.json"):
                # The trace that led here goes first: a trial that resumes from here never writes those rows
                # again.
                await self.host.shipper(self.generation).ship(context.run)
                self.durable = await transfer(
                    upload_checkpoint, self.host.store, context.run, context.subject, self.input.trial, newest
                )
            for older in found[:-1]:
                await asyncio.to_thread(remove_tree, older)

    async def _settle(self) -> None:
        """Everything of this job is in the store afterwards. Raises: EngineError (StorageUnavailable)."""
        if self.generation is None:
            return
        deadline = monotonic() + STORE_PATIENCE_SECONDS
        while True:
            try:
                await self._upload_newest()
                await self._ship()
                self._is_settled = True
                return
            except EngineError as error:
                if error.type != "StorageUnavailable" or monotonic() > deadline:
                    raise
                log.warning("waiting for the object store", extra={"fields": {"reason": error.message}})
                await asyncio.sleep(1.0)

    def _failure(self, error: EngineError) -> ApplicationError:
        """With what the attempt leaves, and what it has used in vain."""
        self._look()
        said = {
            "resident": isinstance(error, TrainerDied),
            "checkpoint": self.durable.model_dump(mode="json", by_alias=True) if self.durable else None,
            "gpuSeconds": self.gpu_seconds,
        }
        return failure(error.type, error.message, said)

    def _result(self, output: dict[str, Any]) -> TrainingOutput:
        return TrainingOutput(
            status=output["status"],
            step=output["step"],
            metrics=output["metrics"],
            checkpoint=self.durable,
            adapter_sha256=output["adapterSha256"],
            init_sha256=output["initSha256"],
            resumed_from_step=output["resumedFromStep"],
            trainable_params=output["trainableParams"],
            gpu_seconds=output["gpuSeconds"],
            label_tokens=output["labelTokens"],
            wal_segments=self.host.segments.take(self.input.job.run),
        )
