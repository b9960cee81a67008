"""The ML worker: dataset, config, HPO and comparison, on the CPU. Everything it does may be done again."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import signal
import threading
from datetime import timedelta
from time import monotonic

from temporalio.worker import Worker

from belay_gpu.contracts.names import TaskQueues
from belay_gpu.skills.hpo.record import Record
from belay_gpu.worker.config import MlConfig
from belay_gpu.worker.ml_activities import MlActivities, MlSkills
from belay_gpu.worker.ready import remove_ready_file, write_ready_file
from belay_gpu.worker.store import ObjectStore
from belay_gpu.worker.telemetry import connect

log = logging.getLogger(__name__)

GRACE = timedelta(seconds=10)
# Both SDK settings: a longer throttle would delay a cancellation by as much.
THROTTLE = timedelta(seconds=2)
MAX_CONCURRENT = 8
# The skills as the activities import them, what a run needs first in front.
SKILLS = (
    "belay_gpu.skills.dataset.skill",
    "belay_gpu.skills.config",
    "belay_gpu.skills.hpo.ask",
    "belay_gpu.skills.compare",
)


async def run_ml_worker(config: MlConfig) -> None:
    """Runs until SIGTERM or SIGINT, then lets short work end.

    Raises:
        ConfigError: something is missing on this machine.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    config.state_dir.mkdir(parents=True, exist_ok=True)
    threading.Thread(target=warm_up, name="warm-up", daemon=True).start()
    client = await connect(config, "belay-ml-worker")
    skills = MlSkills(
        record=Record(config.database_url),
        store=ObjectStore(config.store),
        optuna_url=config.optuna_database_url,
        device=config.device,
    )
    activities = MlActivities(skills)
    worker = Worker(
        client,
        task_queue=TaskQueues.ML,
        activities=activities.all(),
        max_concurrent_activities=MAX_CONCURRENT,
        max_heartbeat_throttle_interval=THROTTLE,
        default_heartbeat_throttle_interval=THROTTLE,
        graceful_shutdown_timeout=GRACE,
    )
    try:
        async with worker:
            write_ready_file(config.ready_file, "ml", TaskQueues.ML)
            log.info("ML worker polls", extra={"fields": {"taskQueue": TaskQueues.ML}})
            await stop.wait()
            log.info("ML worker stops")
    finally:
        remove_ready_file(config.ready_file)
    if activities.is_busy:
        _leave()


def warm_up() -> None:
    """Imports what takes seconds, so that the first activity does not wait for it."""
    started = monotonic()
    for module in SKILLS:
        importlib.import_module(module)
    log.info("imports are warm", extra={"fields": {"seconds": round(monotonic() - started, 1)}})


def _leave() -> None:
    """Ends the process now: Python would wait for a thread, and its activity is tried again elsewhere."""
    logging.shutdown()
    os._exit(0)
