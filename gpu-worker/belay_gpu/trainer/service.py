"""The trainer's loop: takes orders, steps what is due, advances the rest, says how each job ended."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from belay_gpu.engine.errors import EngineError, defect, disk_full, first_line, is_disk_full
from belay_gpu.trainer.commands import (
    AnyOrder,
    EvalOrder,
    MergeOrder,
    Order,
    ReleaseOrder,
    StopOrder,
    TrainOrder,
)
from belay_gpu.trainer.eval_job import EvalJob
from belay_gpu.trainer.jobs import Job, Resources
from belay_gpu.trainer.merge_job import MergeJob
from belay_gpu.trainer.train_job import TrainJob, check_order

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.01


@dataclass
class Trainer:
    """One per device. `slots`: trials that train at the same time; evaluations and merges have `eval_slots`
    of their own.
    """

    resources: Resources
    slots: int = 1
    eval_slots: int = 1
    _waiting: deque[Order] = field(default_factory=deque)
    _jobs: dict[str, Job] = field(default_factory=dict)
    _epochs: dict[str, int] = field(default_factory=dict)
    _results: dict[str, dict[str, object]] = field(default_factory=dict)
    _stop: bool = False

    def request_stop(self) -> None:
        """Safe in a signal handler: the loop checkpoints everything at its next boundary and returns."""
        self._stop = True

    def run(self) -> None:
        while not self._stop:
            if not self.turn():
                time.sleep(IDLE_SECONDS)
        self._shut_down()

    def turn(self) -> bool:
        """One round over everything on board. False: there was nothing to do."""
        self.resources.alive()
        self._take_orders()
        self.resources.parking.expire()
        self._board()
        busy = bool(self._jobs)
        self._step_all()
        for job in list(self._jobs.values()):
            if job.job in self._jobs and job.output is None and job.slot_due is None:
                self._guarded(job, job.advance)
        for job in [job for job in self._jobs.values() if job.output is not None]:
            self._end(job)
        for run in self.resources.wals:
            self._flush(run)
        self.resources.close_idle_wals({job.run for job in self._jobs.values()})
        self._write_results()
        return busy

    def _take_orders(self) -> None:
        try:
            for order in self.resources.spool.take():
                self._take(order)
        except OSError as error:
            # An order that could not be moved stays where it is, for the next turn.
            if not is_disk_full(error):
                raise

    # -- orders

    def _take(self, order: AnyOrder) -> None:
        if isinstance(order, StopOrder):
            self._stop_job(order.target)
        elif isinstance(order, ReleaseOrder):
            self.resources.parking.release(order.subject)
        elif self._fences(order):
            self._waiting.append(order)

    def _fences(self, order: Order) -> bool:
        """Refuses an order of an older epoch; one of a newer epoch ends whatever the subject still has on
        board.
        """
        newest = self._epochs.get(order.subject, -1)
        if order.epoch < newest:
            self._refuse(
                order.job,
                EngineError("StaleEpoch", f"{order.subject}: epoch {order.epoch} was followed by {newest}"),
            )
            return False
        self._epochs[order.subject] = order.epoch
        if order.epoch > newest:
            stale = EngineError(
                "StaleEpoch", f"{order.subject}: epoch {newest} was followed by {order.epoch}"
            )
            for job in [job for job in self._jobs.values() if job.subject == order.subject]:
                self._fail(job, stale)
            for waiting in [waiting for waiting in self._waiting if waiting.subject == order.subject]:
                self._waiting.remove(waiting)
                self._refuse(waiting.job, stale)
        return True

    def _stop_job(self, name: str) -> None:
        job = self._jobs.get(name)
        if job is not None:
            self._guarded(job, job.stop)
            if job.output is not None:
                self._end(job)
            return
        for order in [order for order in self._waiting if order.job == name]:
            self._waiting.remove(order)
            self._refuse(order.job, EngineError("Cancelled", f"{order.subject}: stopped before it began"))

    # -- coming on board

    def _board(self) -> None:
        """Takes what fits, in order. What waits for another base keeps younger orders of this base from
        passing it.
        """
        blocked_base = False
        for order in list(self._waiting):
            if not self._has_room(order):
                continue
            needs_base = isinstance(order, TrainOrder | EvalOrder)
            if needs_base and (blocked_base or not self._base_is_free(order)):
                blocked_base = True
                continue
            self._waiting.remove(order)
            self._start(order)

    def _has_room(self, order: Order) -> bool:
        training = sum(isinstance(job, TrainJob) for job in self._jobs.values())
        if isinstance(order, TrainOrder):
            return training < self.slots
        return len(self._jobs) - training < self.eval_slots

    def _base_is_free(self, order: TrainOrder | EvalOrder) -> bool:
        bases = self.resources.bases
        if bases.resident is None or bases.holds(order.base):
            return True
        if any(isinstance(job, TrainJob | EvalJob) for job in self._jobs.values()):
            return False
        self.resources.parking.clear()
        return True

    def _start(self, order: Order) -> None:
        try:
            if isinstance(order, TrainOrder):
                check_order(order)
                job: Job = TrainJob(order, self.resources)
            elif isinstance(order, EvalOrder):
                job = EvalJob(order, self.resources)
            else:
                assert isinstance(order, MergeOrder)
                job = MergeJob(order, self.resources)
        except Exception as error:
            engine = self.resources.bases.resident
            if engine is not None:
                engine.retire(order.job)
            self._refuse(order.job, _as_engine_error(error, order.subject))
            return
        self._jobs[order.job] = job

    # -- work

    def _step_all(self) -> None:
        due = {slot: job for job in self._jobs.values() if (slot := job.slot_due) is not None}
        engine = self.resources.bases.resident
        if not due or engine is None:
            return
        try:
            results = engine.step(list(due))
        except Exception as error:
            # Whose fault it was cannot be told: every trial of this step goes back to its last checkpoint.
            failed = _as_engine_error(error, ", ".join(job.subject for job in due.values()))
            results = dict.fromkeys(due, failed)
        for slot, result in results.items():
            job = due[slot]
            if isinstance(result, EngineError):
                self._fail(job, result)
            else:
                self._guarded(job, lambda job=job, result=result: job.stepped(result))

    def _guarded(self, job: Job, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self._fail(job, _as_engine_error(error, job.subject))

    # -- ends

    def _end(self, job: Job) -> None:
        self._leave(job)
        self._results[job.job] = {"ok": True, "output": job.output}
        self._write_results()

    def _fail(self, job: Job, error: EngineError) -> None:
        self._leave(job)
        self._refuse(job.job, error)

    def _leave(self, job: Job) -> None:
        del self._jobs[job.job]
        try:
            job.leave()
        except Exception as error:
            _as_engine_error(error, job.subject)  # logs a defect, and raises what has poisoned the device

    def _refuse(self, job: str, error: EngineError) -> None:
        self._results[job] = {"ok": False, "error": {"type": error.type, "message": error.message}}
        self._write_results()

    def _write_results(self) -> None:
        """A result that finds no space on the disk is kept and written later."""
        for job in list(self._results):
            try:
                self.resources.spool.write_result(job, self._results[job])
            except OSError as error:
                if not is_disk_full(error):
                    raise
                return
            del self._results[job]

    def _flush(self, run: str) -> None:
        try:
            self.resources.flush(run)
        except EngineError as error:
            for job in [job for job in self._jobs.values() if job.run == run]:
                self._fail(job, error)

    def _shut_down(self) -> None:
        """Every trial leaves a checkpoint; what cannot be resumed is handed back as lost with the engine."""
        for job in list(self._jobs.values()):
            if isinstance(job, TrainJob):
                self._guarded(job, job.stop)
                if job.output is not None:
                    self._end(job)
            else:
                self._fail(job, EngineError("EngineLost", "the engine was shut down"))
        for order in self._waiting:
            self._refuse(order.job, EngineError("EngineLost", "the engine was shut down"))
        for wal in self.resources.wals.values():
            wal.close()


def _as_engine_error(error: Exception, subject: str) -> EngineError:
    """A failure of one job. One that has poisoned the device is raised again: the process must end."""
    if isinstance(error, EngineError):
        return error
    if isinstance(error, OSError) and is_disk_full(error):
        return disk_full(error, "working")
    if isinstance(error, torch.OutOfMemoryError):
        return EngineError("DoesNotFit", f"{subject}: out of device memory: {first_line(error)}")
    if isinstance(error, torch.AcceleratorError):
        raise error
    log.error("a defect ended one job", exc_info=error, extra={"fields": {"subject": subject}})
    return defect(error)
