"""The GPU worker: one engine under supervision, its seats on the pool's queue, its jobs on its own."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import secrets
import signal
from datetime import timedelta
from pathlib import Path
from time import monotonic

from temporalio.client import Client
from temporalio.worker import FixedSizeSlotSupplier, PollerBehaviorSimpleMaximum, Worker, WorkerTuner

from belay_gpu.contracts.names import TaskQueues, engine_queue
from belay_gpu.worker.activities import EngineActivities
from belay_gpu.worker.cache import InputCache
from belay_gpu.worker.config import ConfigError, GpuConfig
from belay_gpu.worker.host import EngineHost
from belay_gpu.worker.ready import remove_ready_file, write_ready_file
from belay_gpu.worker.recovery import recover_all
from belay_gpu.worker.seat_desk import FreeSeats, SeatDesk
from belay_gpu.worker.seats import SeatBook
from belay_gpu.worker.shipping import Segments
from belay_gpu.worker.store import ObjectStore
from belay_gpu.worker.supervisor import Generation, Supervisor
from belay_gpu.worker.telemetry import connect

log = logging.getLogger(__name__)

# Jobs checkpoint and answer within this; then the trainer gets its own SIGTERM, and at last SIGKILL.
GRACE = timedelta(seconds=20)
TRAINER_GRACE_SECONDS = 10.0
# Both SDK settings: a longer throttle would delay a cancellation by as much.
THROTTLE = timedelta(seconds=1)
# What an earlier boot left is usually a second's work; a store that is away must not keep the engine from
# starting.
RECOVERY_PATIENCE_SECONDS = 10.0


async def run_gpu_worker(config: GpuConfig) -> None:
    """Runs until SIGTERM or SIGINT, then lets every job checkpoint.

    Raises:
        ConfigError: something is missing on this machine.
    """
    lock = _own_state_dir(config.state_dir)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    engine_id = secrets.token_hex(6)
    engines = config.state_dir / "engines"
    folder = engines / engine_id
    folder.mkdir(parents=True)
    host = EngineHost(
        engine_id=engine_id,
        task_queue=engine_queue(engine_id),
        store=(store := ObjectStore(config.store)),
        cache=InputCache(config.state_dir / "cache", store),
        desk=SeatDesk(SeatBook(config.slots)),
        segments=Segments(),
        hub_token=config.hub_token,
    )
    await asyncio.to_thread(host.cache.prune)
    ready = asyncio.Event()

    def on_ready(generation: Generation) -> None:
        host.device = generation.device
        host.desk.set_open(True)
        ready.set()

    def on_death(generation: Generation) -> None:
        host.desk.set_open(False)

    supervisor = host.supervisor = Supervisor(config, engine_id, folder, on_ready, on_death)
    supervising = asyncio.create_task(supervisor.run())
    recovering = asyncio.create_task(recover_all(engines, engine_id, store, host.segments))
    try:
        client = await connect(config, "belay-gpu-worker")
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait(
            {recovering, stopped}, timeout=RECOVERY_PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        await _first(asyncio.create_task(ready.wait()), stopped, supervising)
        if not stop.is_set():
            await _serve(client, config, host, stop, supervising)
    finally:
        remove_ready_file(config.ready_file)
        recovering.cancel()
        await supervisor.stop(TRAINER_GRACE_SECONDS)
        # What they have not brought to the store is recovered at the next boot, maybe at once.
        for leftover in host.leftovers:
            leftover.cancel()
        await asyncio.gather(supervising, recovering, *host.leftovers, return_exceptions=True)
        os.close(lock)


async def _serve(
    client: Client, config: GpuConfig, host: EngineHost, stop: asyncio.Event, supervising: asyncio.Task[None]
) -> None:
    activities = EngineActivities(host)
    pool = Worker(
        client,
        task_queue=TaskQueues.GPU_POOL,
        activities=[activities.acquire_seat],
        tuner=_tuner(host.desk),
        activity_task_poller_behavior=PollerBehaviorSimpleMaximum(1),
        max_heartbeat_throttle_interval=THROTTLE,
        default_heartbeat_throttle_interval=THROTTLE,
        disable_eager_activity_execution=True,
    )
    engine = Worker(
        client,
        task_queue=host.task_queue,
        activities=[
            activities.training_run,
            activities.eval_run,
            activities.merge_run,
            activities.hub_push,
            activities.release_seat,
        ],
        max_concurrent_activities=4 * (config.slots + config.eval_slots) + 8,
        max_heartbeat_throttle_interval=THROTTLE,
        default_heartbeat_throttle_interval=THROTTLE,
        graceful_shutdown_timeout=GRACE,
    )
    async with pool, engine:
        write_ready_file(config.ready_file, "gpu", TaskQueues.GPU_POOL)
        log.info("GPU worker polls", extra={"fields": {"engine": host.engine_id, "device": host.device}})
        await _first(asyncio.create_task(stop.wait()), supervising)
        log.info("GPU worker stops", extra={"fields": {"engine": host.engine_id}})


async def _first(*tasks: asyncio.Task[object] | asyncio.Task[None]) -> None:
    """Waits for one of them; a supervisor that failed is raised."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


def _tuner(desk: SeatDesk) -> WorkerTuner:
    one = FixedSizeSlotSupplier(1)
    return WorkerTuner.create_composite(
        workflow_supplier=one,
        activity_supplier=FreeSeats(desk),
        local_activity_supplier=one,
        nexus_supplier=one,
    )


def _own_state_dir(folder: Path) -> int:
    """Two workers in one folder would recover each other's jobs. Raises: ConfigError."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / "worker.lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = monotonic() + 2
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except BlockingIOError as error:
            if monotonic() > deadline:
                os.close(handle)
                raise ConfigError(f"BELAY_STATE_DIR={folder}: another worker uses this folder") from error
