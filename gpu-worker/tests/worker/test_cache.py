"""What the cache does where jobs come and go while its files do."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from belay_gpu.canonical import sha256_bytes
from belay_gpu.contracts.models import ArtifactRef
from belay_gpu.worker.cache import InputCache
from belay_gpu.worker.config import StoreConfig
from belay_gpu.worker.store import ObjectStore

DATA = b"whole" * 100
REF = ArtifactRef(uri="s3://belay/x", sha256=sha256_bytes(DATA), size_bytes=len(DATA), media_type="x/y")


@pytest.fixture
def store() -> ObjectStore:
    return ObjectStore(StoreConfig("http://127.0.0.1:1", "belay", "key", "secret"))


async def test_a_job_that_is_cancelled_while_its_file_comes_leaves_it_to_the_next(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[Path] = []
    has_begun, may_end = threading.Event(), threading.Event()

    def download(bucket: str, key: str, draft: Path) -> None:
        begun.append(draft)
        draft.write_bytes(DATA[:7])
        has_begun.set()
        assert may_end.wait(60)
        draft.write_bytes(DATA)

    monkeypatch.setattr(store, "_download", download)
    cache = InputCache(tmp_path, store)
    first = asyncio.create_task(cache.path(REF))
    await asyncio.to_thread(has_begun.wait, 60)
    first.cancel()
    await asyncio.wait([first])
    second = asyncio.create_task(cache.path(REF))
    await asyncio.sleep(0)  # it has asked
    may_end.set()
    assert (await second).read_bytes() == DATA
    assert len(begun) == 1, "two would write to one draft"
    assert first.cancelled()


def test_a_file_that_is_removed_while_sizes_are_read_is_passed_over(
    store: ObjectStore, tmp_path: Path
) -> None:
    (tmp_path / "removed").symlink_to("nowhere")
    (tmp_path / "old").write_bytes(DATA)
    InputCache(tmp_path, store, max_bytes=1).prune()
    assert [file.name for file in tmp_path.iterdir()] == ["removed"]
