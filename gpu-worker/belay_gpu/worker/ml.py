"""The ML worker: the skills that need no GPU, on the queue `belay-ml`."""

from __future__ import annotations

import asyncio
import logging
import signal
from datetime import timedelta

from temporalio.worker import Worker

from belay_gpu.contracts.names import TaskQueues
from belay_gpu.skills.hpo.mirror import Mirror
from belay_gpu.skills.hpo.record import Record
from belay_gpu.worker.config import MlConfig
from belay_gpu.worker.ml_activities import MlActivities, MlHost, warm_up
from belay_gpu.worker.ready import remove_ready_file, write_ready_file
from belay_gpu.worker.store import ObjectStore
from belay_gpu.worker.telemetry import connect

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=10)
# Both SDK settings: a longer throttle would delay a cancellation by as much.
THROTTLE = timedelta(seconds=1)
# Proposals and profiles are bound by the processor; more at once would only slow each other down.
AT_ONCE = 8


async def run_ml_worker(config: MlConfig) -> None:
    """Runs until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    host = MlHost(
        store=ObjectStore(config.store),
        record=Record(config.database_url),
        mirror=Mirror(config.optuna_database_url) if config.optuna_database_url else None,
    )
    client = await connect(config, "belay-ml-worker")
    worker = Worker(
        client,
        task_queue=TaskQueues.ML,
        activities=MlActivities(host).all,
        max_concurrent_activities=AT_ONCE,
        max_heartbeat_throttle_interval=THROTTLE,
        default_heartbeat_throttle_interval=THROTTLE,
        graceful_shutdown_timeout=GRACE,
    )
    try:
        async with worker:
            write_ready_file(config.ready_file, "ml", TaskQueues.ML)
            log.info("ML worker polls")
            warming = asyncio.create_task(asyncio.to_thread(warm_up))
            await stop.wait()
            log.info("ML worker stops")
            await asyncio.gather(warming, return_exceptions=True)
    finally:
        remove_ready_file(config.ready_file)
