"""What leaves this machine: segments of the trace log, and checkpoints with their manifest last."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from pathlib import Path

from belay_gpu.canonical import canonical_json
from belay_gpu.contracts.models import ArtifactRef, CheckpointManifest, CheckpointRef, NamedArtifact
from belay_gpu.files import read_json, write_json_atomic
from belay_gpu.trainer.checkpoints import INDEX, META, NAME
from belay_gpu.trainer.spool import Spool
from belay_gpu.wal import valid_prefix
from belay_gpu.worker.store import ObjectStore, media_type
from belay_gpu.worker.transfers import transfer

# A payload has room for this many references; the rest is found by listing the store.
MAX_REPORTED = 100


def checkpoint_prefix(run: str, subject: str) -> str:
    """The folder of a subject's checkpoint manifests. A trial's is named as its other outputs are."""
    rest = subject.removeprefix(f"{run}/")
    trial = re.fullmatch(r"trial-(\d+)", rest)
    return f"runs/{run}/{f'trials/{trial[1]}' if trial else rest}/checkpoints/"


def upload_checkpoint(store: ObjectStore, run: str, subject: str, trial: int, folder: Path) -> CheckpointRef:
    """Files by their hash first, then the manifest that makes them a checkpoint.

    Repeating it changes nothing.

    Raises:
        EngineError: StorageUnavailable.
    """
    match = NAME.fullmatch(folder.name)
    assert match is not None, folder.name
    step, epoch = int(match[1]), int(match[2])
    index = read_json(folder / INDEX) or {}
    files = [
        NamedArtifact(path=name, ref=store.put_blob((folder / name).read_bytes(), media_type(name)))
        for name in sorted(index)
    ]
    meta = read_json(folder / META) or {}
    manifest = CheckpointManifest(
        schema_version=1,
        run=run,
        trial=trial,
        trial_id=subject,
        epoch=epoch,
        step=step,
        metrics=meta.get("metrics", {}),
        files=files,
    )
    key = f"{checkpoint_prefix(run, subject)}{folder.name}.json"
    ref = store.put_named(
        key, canonical_json(manifest.model_dump(mode="json", by_alias=True)), "application/json"
    )
    return CheckpointRef(manifest=ref, step=step, epoch=epoch)


class Segments:
    """References to shipped segments that no activity has reported yet, by run.

    Shared by all trainers of a worker.
    """

    def __init__(self) -> None:
        self._unreported: dict[str, list[ArtifactRef]] = defaultdict(list)

    def add(self, run: str, ref: ArtifactRef) -> None:
        self._unreported[run].append(ref)

    def take(self, run: str) -> list[ArtifactRef]:
        """For the result of the activity that ends now: each segment is reported by one of them."""
        refs = self._unreported.pop(run, [])
        return refs[-MAX_REPORTED:]


class WalShipper:
    """Ships the trace logs of one spool. How far each has come is kept beside it, so a crash ships nothing
    twice under another name."""

    def __init__(self, spool: Spool, store: ObjectStore, segments: Segments) -> None:
        self._spool, self._store, self._segments = spool, store, segments
        self._locks: dict[Path, asyncio.Lock] = {}

    async def ship(self, run: str) -> None:
        """Ships what is new in the run's log. Raises: EngineError (StorageUnavailable)."""
        await self._ship_file(self._spool.wal_path(run))

    async def ship_all(self) -> None:
        for path in sorted(self._spool.wal.glob("*.wal")):
            await self._ship_file(path)

    async def _ship_file(self, path: Path) -> None:
        lock = self._locks.setdefault(path, asyncio.Lock())
        await lock.acquire()
        # Held until the thread is done, which goes on when whoever waits for it is cancelled: one beside it
        # could replace its segment by a shorter one.
        work = asyncio.create_task(transfer(self._ship_new_lines, path))
        work.add_done_callback(lambda _: lock.release())
        await asyncio.shield(work)

    def _ship_new_lines(self, path: Path) -> None:
        if not path.exists():
            return
        progress_file = path.with_suffix(".shipped.json")
        progress = read_json(progress_file) or {"offset": 0, "nextSeq": 0}
        with path.open("rb") as file:
            file.seek(progress["offset"])
            data = file.read()
        prefix = valid_prefix(data, progress["nextSeq"])
        if not prefix.events:
            return
        first = prefix.events[0]
        key = f"runs/{first['run']}/wal/{first['source']}/{first['seq']:012d}.jsonl"
        ref = self._store.put_named(key, data[: prefix.end], "application/x-ndjson")
        write_json_atomic(
            progress_file, {"offset": progress["offset"] + prefix.end, "nextSeq": prefix.next_seq}, sync=True
        )
        self._segments.add(first["run"], ref)
