"""Watches one job: its result, its trainer's death, the activity's cancellation, our shutdown."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import activity

from belay_gpu.engine.errors import EngineError
from belay_gpu.trainer.commands import EvalOrder, MergeOrder, StopOrder, TrainOrder
from belay_gpu.worker.errors import TrainerDied
from belay_gpu.worker.supervisor import Generation

POLL_SECONDS = 0.03
# Longest wait for a checkpoint after a job was asked to stop; then the job is given up. Its trainer may be
# loading a base, or hang: the supervisor tells one from the other.
STOP_SECONDS = 60.0


class ShuttingDown(EngineError):
    """The worker or its trainer was asked to stop; the job can go on elsewhere from its checkpoint."""

    def __init__(self, subject: str, output: dict[str, Any] | None) -> None:
        super().__init__("EngineLost", f"{subject}: the engine is being shut down")
        self.output = output


async def run_order(generation: Generation, order: TrainOrder | EvalOrder | MergeOrder) -> dict[str, Any]:
    """Puts the order and waits for its output.

    Cancelling the activity stops the job. A training then still has an output (status `stopped`), which is
    returned; others have none, and the cancellation is raised.

    Raises:
        EngineError: as the trainer says; `TrainerDied`; `ShuttingDown`; EngineLost where the trainer had not
            taken the order, or did not stop.
    """
    putting = asyncio.create_task(asyncio.to_thread(generation.spool.put, order))
    shutdown = asyncio.create_task(activity.wait_for_worker_shutdown())
    try:
        await asyncio.shield(putting)
        result = await _result(generation, order, shutdown)
        if result is not None:
            output = _output(result)
            if output.get("status") == "stopped":  # and not by us: somebody ended the trainer
                raise ShuttingDown(order.subject, output)
            return output
        stopped = await _stop(generation, order)
        raise ShuttingDown(order.subject, stopped.get("output"))
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
        await putting
        stopped = await _stop(generation, order)
        if stopped.get("ok") and isinstance(order, TrainOrder):
            return _output(stopped)
        raise
    finally:
        shutdown.cancel()


async def _result(
    generation: Generation, order: TrainOrder | EvalOrder | MergeOrder, shutdown: asyncio.Task[None] | None
) -> dict[str, Any] | None:
    """The job's result; None: the worker is asked to stop first."""
    while True:
        # Read before looking at the process: a trainer writes its last results and dies.
        died = generation.dead.is_set()
        result = generation.spool.result(order.job)
        if result is not None:
            return result
        if died and generation.spool.is_taken(order.job):
            raise TrainerDied(order.subject)
        if died:
            raise EngineError("EngineLost", f"{order.subject}: the trainer died before it took the job")
        if shutdown is not None and shutdown.done():
            return None
        await asyncio.sleep(POLL_SECONDS)


async def _stop(generation: Generation, order: TrainOrder | EvalOrder | MergeOrder) -> dict[str, Any]:
    await asyncio.to_thread(generation.spool.put, StopOrder(order.job))
    try:
        async with asyncio.timeout(STOP_SECONDS):
            result = await _result(generation, order, None)
    except TimeoutError as error:
        raise EngineError(
            "EngineLost", f"{order.subject}: the trainer did not stop within {STOP_SECONDS:.0f} s"
        ) from error
    assert result is not None
    return result


def _output(result: dict[str, Any]) -> dict[str, Any]:
    if not result["ok"]:
        raise EngineError(result["error"]["type"], result["error"]["message"])
    return result["output"]
