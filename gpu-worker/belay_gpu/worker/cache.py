"""Downloaded inputs by their hash: fetched once, checked once per process, shared read-only."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

from belay_gpu.canonical import sha256_file
from belay_gpu.contracts.models import ArtifactRef
from belay_gpu.worker.store import ObjectStore
from belay_gpu.worker.transfers import transfer

_job: ContextVar[list[str] | None] = ContextVar("job", default=None)


class InputCache:
    """Beyond `max_bytes` what was not used for longest goes, but for what a job on board may still read."""

    def __init__(self, folder: Path, store: ObjectStore, max_bytes: int = 20 << 30) -> None:
        self._folder, self._store, self._max_bytes = folder, store, max_bytes
        self._checked: set[str] = set()
        self._locks: dict[str, asyncio.Lock] = {}
        self._held: Counter[str] = Counter()
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """What is asked for inside, also by tasks started inside, stays until the end of the block."""
        names: list[str] = []
        token = _job.set(names)
        try:
            yield
        finally:
            _job.reset(token)
            self._held -= Counter(names)

    async def path(self, ref: ArtifactRef) -> Path:
        """Where the object lies on this disk; its bytes match its hash.

        Raises:
            EngineError: as `ObjectStore.fetch`.
        """
        if (names := _job.get()) is not None:
            names.append(ref.sha256)
            self._held[ref.sha256] += 1
        lock = self._locks.setdefault(ref.sha256, asyncio.Lock())
        await lock.acquire()
        # Held until the thread is done, which goes on when whoever waits for it is cancelled: one beside it
        # would write to the same draft, and take it away.
        work = asyncio.create_task(self._provide(ref))
        work.add_done_callback(lambda done: _let_go(lock, done))
        return await asyncio.shield(work)

    async def _provide(self, ref: ArtifactRef) -> Path:
        target = self._folder / ref.sha256
        if ref.sha256 in self._checked and target.exists():
            return target
        if not target.exists() or await asyncio.to_thread(sha256_file, target) != ref.sha256:
            await transfer(self._store.fetch, ref, target)
            # Removed in the event loop: nobody asks for a file between the look and its end.
            surplus = await asyncio.to_thread(self._too_much)
            self._remove([file for file in surplus if file != target])
        self._checked.add(ref.sha256)
        os.utime(target)
        return target

    def check_again(self) -> None:
        """Somebody found a file damaged after it was checked: none is trusted any more."""
        self._checked.clear()

    def prune(self) -> None:
        """Makes what an earlier boot left fit. Call before any job is on board."""
        for leftover in self._folder.glob(".*.part"):
            leftover.unlink(missing_ok=True)
        self._remove(self._too_much())

    def _too_much(self) -> list[Path]:
        """What was not used for longest, down to what fits beside the rest."""
        files: list[tuple[Path, os.stat_result]] = []
        for file in self._folder.iterdir():
            if not file.name.startswith("."):
                with suppress(FileNotFoundError):  # removed since the folder was read
                    files.append((file, file.stat()))
        found: list[Path] = []
        total = 0
        for file, facts in sorted(files, key=lambda entry: entry[1].st_mtime_ns, reverse=True):
            total += facts.st_size
            if total > self._max_bytes:
                found.append(file)
        return found

    def _remove(self, files: list[Path]) -> None:
        for file in files:
            if self._held[file.name] == 0:
                file.unlink(missing_ok=True)
                self._checked.discard(file.name)


def _let_go(lock: asyncio.Lock, done: asyncio.Task[Path]) -> None:
    lock.release()
    if not done.cancelled():
        done.exception()  # looked at: perhaps nobody waits for it any more
