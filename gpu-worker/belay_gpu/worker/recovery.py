"""What an earlier boot left behind: its trace is shipped, its checkpoints uploaded, then it goes."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from time import monotonic

from belay_gpu.engine.errors import EngineError
from belay_gpu.files import read_json, remove_tree
from belay_gpu.trainer.checkpoints import list_checkpoints
from belay_gpu.trainer.spool import Spool
from belay_gpu.worker.shipping import Segments, WalShipper, upload_checkpoint
from belay_gpu.worker.store import ObjectStore
from belay_gpu.worker.transfers import transfer

log = logging.getLogger(__name__)

ORPHAN_GRACE_SECONDS = 10.0
RETRY_SECONDS = 2.0


async def recover_all(engines: Path, current: str, store: ObjectStore, segments: Segments) -> None:
    """Recovers every folder of an engine but the current one, and waits for the store where it must.

    A folder that cannot be recovered is left for the next boot.
    """
    for folder in _folders(engines):
        if folder.name == current:
            continue
        fields = {"engine": folder.name, "folder": str(folder)}
        await insist(partial(_recover_engine, folder, store, segments), fields)


async def insist(recover: Callable[[], Awaitable[None]], fields: dict[str, str]) -> None:
    """Tries again for as long as the store is away; gives up, and says so, whatever else is wrong."""
    while True:
        try:
            await recover()
            return
        except Exception as error:
            if not (isinstance(error, EngineError) and error.type == "StorageUnavailable"):
                log.error("recovery failed", exc_info=error, extra={"fields": fields})
                return
            log.warning("recovery waits", extra={"fields": {**fields, "reason": error.message}})
            await asyncio.sleep(RETRY_SECONDS)


def _folders(parent: Path) -> list[Path]:
    """Folders in name order; drafts and what is being removed begin with a dot."""
    if not parent.is_dir():
        return []
    return sorted(entry for entry in parent.iterdir() if entry.is_dir() and not entry.name.startswith("."))


async def _recover_engine(folder: Path, store: ObjectStore, segments: Segments) -> None:
    for root in _folders(folder):
        spool = Spool(root)
        await _await_orphan(spool)
        await WalShipper(spool, store, segments).ship_all()
        for job in _folders(spool.jobs):
            await transfer(upload_leftover, store, job)
    remove_tree(folder)
    log.info("an earlier engine was recovered", extra={"fields": {"engine": folder.name}})


async def _await_orphan(spool: Spool) -> None:
    """A trainer whose worker was killed checkpoints and leaves on its own; one that does not is killed."""
    deadline = monotonic() + ORPHAN_GRACE_SECONDS
    while (handle := spool.lock()) is None:
        ready = spool.ready()
        if monotonic() > deadline and ready is not None:
            # The lock is held, so the process that wrote this id still lives.
            os.kill(int(ready["pid"]), signal.SIGKILL)
        await asyncio.sleep(0.1)
    os.close(handle)


def upload_leftover(store: ObjectStore, job: Path) -> None:
    """Uploads the newest checkpoint of a training job, if it is still here. Raises: EngineError."""
    order = read_json(job / "command.json")
    checkpoints = list_checkpoints(job / "checkpoints")
    if order is None or order.get("kind") != "train" or not checkpoints:
        return
    upload_checkpoint(store, order["run"], order["subject"], int(order["trial"]), checkpoints[-1])
