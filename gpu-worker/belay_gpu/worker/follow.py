"""Watches one job: its result, its trainer's death, the activity's cancellation, our shutdown."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import activity

from belay_gpu.engine.errors import EngineError
from belay_gpu.trainer.commands import EvalOrder, MergeOrder, StopOrder, TrainOrder
from belay_gpu.worker.supervisor import Generation

POLL_SECONDS = 0.03
# Longest wait for a checkpoint after a job was asked to stop; then the trainer counts as lost.
STOP_SECONDS = 60.0


class TrainerDied(EngineError):
    """The process is gone, and the job with it. Not the job's fault, as far as one can tell."""

    def __init__(self, subject: str) -> None:
        super().__init__("EngineLost", f"{subject}: the trainer died with the job on board")


class ShuttingDown(EngineError):
    """The worker was asked to stop; the job can go on elsewhere from `output`'s checkpoint."""

    def __init__(self, subject: str, output: dict[str, Any] | None) -> None:
        super().__init__("EngineLost", f"{subject}: the engine is being shut down")
        self.output = output


async def run_order(generation: Generation, order: TrainOrder | EvalOrder | MergeOrder) -> dict[str, Any]:
    """Puts the order and waits for its output.

    Cancelling the activity stops the job. A training then still has an output (status `stopped`), which is
    returned; others have none, and the cancellation is raised.

    Raises:
        EngineError: as the trainer says; `TrainerDied`; `ShuttingDown`.
    """
    await asyncio.to_thread(generation.spool.put, order)
    shutdown = asyncio.create_task(activity.wait_for_worker_shutdown())
    try:
        result = await _result(generation, order, shutdown)
        if result is not None:
            return _output(result)
        stopped = await _stop(generation, order)
        raise ShuttingDown(order.subject, stopped.get("output"))
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
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
        if died:
            raise TrainerDied(order.subject)
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
