"""The folder of a job after its activity: it goes once the trainer is done with the job and the store has all
that it saved.

An activity may end before its job does, since a trainer that loads a base answers nobody. What this process
does not see to is recovered at the next boot.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from belay_gpu.files import remove_tree
from belay_gpu.worker.host import EngineHost
from belay_gpu.worker.recovery import insist, upload_leftover
from belay_gpu.worker.supervisor import Generation
from belay_gpu.worker.transfers import transfer

POLL_SECONDS = 0.5


async def leave_job(host: EngineHost, generation: Generation, job: str, *, is_settled: bool) -> None:
    """Removes the job's folder, now or as soon as it may go. `is_settled`: the store has what it saved."""
    if is_settled and (generation.dead.is_set() or not generation.spool.has_open(job)):
        await asyncio.to_thread(remove_tree, generation.spool.job_folder(job))
        return
    task = asyncio.create_task(_see_off(host, generation, job))
    host.leftovers.add(task)
    task.add_done_callback(host.leftovers.discard)


async def _see_off(host: EngineHost, generation: Generation, job: str) -> None:
    folder = generation.spool.job_folder(job)
    while not generation.dead.is_set() and generation.spool.has_open(job):
        with suppress(TimeoutError):
            await asyncio.wait_for(generation.dead.wait(), POLL_SECONDS)

    async def deliver() -> None:
        # The trace goes first: a trial that resumes from the checkpoint never writes those rows again.
        await host.shipper(generation).ship_all()
        await transfer(upload_leftover, host.store, folder)
        await asyncio.to_thread(remove_tree, folder)

    await insist(deliver, {"engine": host.engine_id, "job": job, "folder": str(folder)})
