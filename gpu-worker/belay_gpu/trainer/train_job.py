"""A trial on board: steps to its target, with evaluations and checkpoints on the way."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import Any

from belay_gpu.canonical import sha256_bytes
from belay_gpu.contracts.names import TrainerEvents
from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.protocol import EvalRequest, EvalResult, Evaluation, StepResult
from belay_gpu.engine.spec import slot_spec
from belay_gpu.trainer.checkpoints import first_readable, write_checkpoint
from belay_gpu.trainer.commands import TrainOrder
from belay_gpu.trainer.jobs import Job, Resources
from belay_gpu.trainer.parking import ParkedSlot

STATUS_SECONDS = 0.2


class TrainJob(Job):
    def __init__(self, order: TrainOrder, resources: Resources) -> None:
        """Takes the trial on board: from the parking lot, from its newest readable checkpoint, or from its
        seed.
        """
        super().__init__(order)
        self.order = order
        self._resources = resources
        self._engine = resources.engine(order.base)
        self._wal = resources.wal(order.run)
        resources.tell_base(order.run)
        self._validation = resources.split(order.validation_data) if order.validation_data else None
        self._evaluation: Evaluation | None = None
        self._seconds = 0.0
        self._label_tokens = 0
        self._loss: float | None = None
        self._metrics: dict[str, float] = {}
        self._evaluated_at = -1
        #: Evaluations up to this step are on record from earlier attempts.
        self._evaluated_to = 0
        self._status_at = 0.0
        #: Checkpoint that the slot equals, as (step, epoch); its folder, if this job wrote it.
        self._saved: tuple[int, int] | None = None
        self._folder: Path | None = None
        self._adapter_sha256: str | None = None
        self._is_parked = False
        self._slot = self._board()
        self._resumed_from = self._step
        self._log(TrainerEvents.RESUMED, {"fromStep": self._step})

    def _board(self) -> str:
        order, slot = self.order, self.order.job
        parked = self._resources.parking.claim(order)
        if parked is not None:
            self._step, self._saved = parked.step, (parked.step, parked.epoch)
            self._evaluated_to = parked.step
            self._init_sha256, self._trainable = (
                parked.progress["initSha256"],
                parked.progress["trainableParams"],
            )
            self._adapter_sha256 = parked.progress["adapterSha256"]
            return parked.slot
        data = self._resources.split(order.train_data)
        spec = slot_spec(order.config, order.total_steps)
        usable = [candidate for candidate in order.resume if candidate.step <= order.target_step]
        found = first_readable(Path(candidate.folder) for candidate in usable)
        if found is None and usable:
            # Begun anew, this epoch would void what those before it have on record. This type is tried again.
            raise EngineError(
                "StorageUnavailable",
                f"{order.subject}: the checkpoint to resume from cannot be read here ({usable[0].folder})",
            )
        if found is None:
            info = self._engine.admit(slot, spec, data)
        else:
            place, snapshot = found
            info = self._engine.restore(slot, spec, data, snapshot)
            self._saved = (usable[place].step, usable[place].epoch)
            self._adapter_sha256 = sha256_bytes(snapshot.adapter)
            # An attempt that was stopped before its evaluation was done leaves a checkpoint without metrics.
            self._evaluated_to = info.step if snapshot.meta.get("metrics") else max(0, info.step - 1)
        self._step, self._init_sha256, self._trainable = info.step, info.init_sha256, info.trainable_params
        return slot

    # -- the loop's calls

    @property
    def slot_due(self) -> str | None:
        due = self.output is None and self._evaluation is None and self._step < self.order.target_step
        return self._slot if due and not self._owes_evaluation else None

    @property
    def _owes_evaluation(self) -> bool:
        if self._validation is None or self._evaluated_at == self._step:
            return False
        at_target = self._step >= self.order.target_step
        return at_target or (self._step % self.order.eval_steps == 0 and self._step > self._evaluated_to)

    def stepped(self, result: StepResult) -> None:
        self._seconds += result.seconds
        self._label_tokens += result.label_tokens
        if result.diverged:
            self._diverged()
            return
        self._step, self._loss = result.step, result.loss
        values = {
            "train_loss": result.loss,
            "learning_rate": result.learning_rate,
            "grad_norm": result.grad_norm,
        }
        self._log(TrainerEvents.METRICS, {"step": self._step, "values": values})
        self._status()
        # Where an evaluation is due as well it comes first, so that the checkpoint carries its metrics.
        if (
            self._step % self.order.save_steps == 0
            and self._step < self.order.target_step
            and not self._owes_evaluation
        ):
            self._checkpoint()

    def advance(self) -> None:
        if self._evaluation is None and self._owes_evaluation:
            assert self._validation is not None
            request = EvalRequest(self.order.eval_batch_size)
            self._evaluation = self._engine.evaluate(self._slot, self._validation, request)
        if self._evaluation is None:
            self._finish("reached")
            return
        started = monotonic()
        try:
            next(self._evaluation)
        except StopIteration as done:
            self._evaluation = None
            self._evaluated(done.value)
        finally:
            self._resources.synchronize()
            self._seconds += monotonic() - started
            self._status()

    def stop(self) -> None:
        self._evaluation = None
        self._finish("stopped")

    def leave(self) -> None:
        if not self._is_parked:
            self._engine.retire(self._slot)

    # -- what happens in them

    def _evaluated(self, result: EvalResult) -> None:
        if result.diverged:
            self._diverged()
            return
        self._metrics, self._evaluated_at = result.metrics, self._step
        self._log(TrainerEvents.METRICS, {"step": self._step, "values": result.metrics})
        if self._step >= self.order.target_step:
            self._finish("reached")
        elif self._step % self.order.save_steps == 0:
            self._checkpoint()

    def _checkpoint(self) -> None:
        """Saves the slot, unless it is as it was saved already."""
        if self._saved is not None and self._saved[0] == self._step:
            return
        snapshot = self._engine.snapshot(self._slot)
        metrics = self._metrics if self._evaluated_at == self._step else {}
        folder = self._resources.spool.job_folder(self.order.job) / "checkpoints"
        # The log up to here is on the disk before the checkpoint that makes resuming skip it.
        self._resources.flush(self.order.run, sync=True)
        self._folder = write_checkpoint(folder, snapshot, self.order.epoch, metrics)
        self._saved = (self._step, self.order.epoch)
        self._adapter_sha256 = sha256_bytes(snapshot.adapter)
        self._log(TrainerEvents.CHECKPOINT, {"step": self._step, "name": self._folder.name})
        self._status(force=True)

    def _diverged(self) -> None:
        self._log(TrainerEvents.DIVERGED, {"step": self._step})
        self._metrics = {}
        self._end("diverged", "diverged")

    def _finish(self, status: str) -> None:
        self._checkpoint()
        if status == "reached" and self.order.park_seconds > 0 and self._saved is not None:
            self._park(self._saved)
        self._end(status, "parked" if self._is_parked else status)

    def _park(self, saved: tuple[int, int]) -> None:
        progress = {
            "initSha256": self._init_sha256,
            "trainableParams": self._trainable,
            "adapterSha256": self._adapter_sha256,
        }
        until = monotonic() + self.order.park_seconds
        self._resources.parking.park(
            ParkedSlot(self._engine, self._slot, self._step, saved[1], self.order, until, progress)
        )
        self._is_parked = True
        self._log(TrainerEvents.PARKED, {"step": self._step})

    def _end(self, status: str, reason: str) -> None:
        self._log(TrainerEvents.LEFT, {"step": self._step, "reason": reason})
        self._resources.flush(self.order.run, sync=True)
        step, epoch = self._saved or (None, None)
        self.output = {
            "status": status,
            "step": self._step,
            "metrics": self._metrics if status == "reached" else {},
            "checkpoint": None
            if step is None
            else {"step": step, "epoch": epoch, "folder": str(self._folder or "")},
            "adapterSha256": None if status == "diverged" else self._adapter_sha256,
            "initSha256": self._init_sha256,
            "resumedFromStep": self._resumed_from,
            "trainableParams": self._trainable,
            "gpuSeconds": self._seconds,
            "labelTokens": self._label_tokens,
        }

    def _log(self, kind: str, data: dict[str, Any]) -> None:
        self._wal.append(self.order.subject, self.order.epoch, kind, data)

    def _status(self, force: bool = False) -> None:
        now = monotonic()
        if not force and now - self._status_at < STATUS_SECONDS:
            return
        self._status_at = now
        evaluation = {"step": self._evaluated_at, "metrics": self._metrics} if self._metrics else None
        status = {
            "step": self._step,
            "loss": self._loss,
            "evaluation": evaluation,
            "gpuSeconds": self._seconds,
        }
        self._resources.spool.write_status(self.order.job, status)


def check_order(order: TrainOrder) -> None:
    """Raises: EngineError (InvalidSpec)."""
    if order.target_step > order.total_steps:
        raise EngineError(
            "InvalidSpec", f"target step {order.target_step} lies beyond the {order.total_steps} of the trial"
        )
