"""Downloaded inputs by their hash: fetched once, checked once per process, shared read-only."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from belay_gpu.canonical import sha256_file
from belay_gpu.contracts.models import ArtifactRef
from belay_gpu.worker.store import ObjectStore


class InputCache:
    def __init__(self, folder: Path, store: ObjectStore, max_bytes: int = 20 << 30) -> None:
        self._folder, self._store, self._max_bytes = folder, store, max_bytes
        self._checked: set[str] = set()
        self._locks: dict[str, asyncio.Lock] = {}
        folder.mkdir(parents=True, exist_ok=True)

    async def path(self, ref: ArtifactRef) -> Path:
        """Where the object lies on this disk; its bytes match its hash.

        Raises:
            EngineError: as `ObjectStore.fetch`.
        """
        target = self._folder / ref.sha256
        async with self._locks.setdefault(ref.sha256, asyncio.Lock()):
            if ref.sha256 in self._checked and target.exists():
                return target
            if not target.exists() or await asyncio.to_thread(sha256_file, target) != ref.sha256:
                await asyncio.to_thread(self._store.fetch, ref, target)
            self._checked.add(ref.sha256)
            os.utime(target)
            return target

    def prune(self) -> None:
        """Removes what was not used for longest until the rest fits. Call before any job is on board."""
        for leftover in self._folder.glob(".*.part"):
            leftover.unlink(missing_ok=True)
        files = sorted(self._folder.iterdir(), key=lambda file: file.stat().st_mtime, reverse=True)
        total = 0
        for file in files:
            total += file.stat().st_size
            if total > self._max_bytes:
                file.unlink(missing_ok=True)
