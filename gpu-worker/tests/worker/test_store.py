"""The object store, the cache, shipping: bytes checked, the manifest last, nothing under two names."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from minio import Minio

from belay_gpu.canonical import sha256_bytes
from belay_gpu.contracts.models import ArtifactRef, CheckpointManifest
from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.protocol import Snapshot
from belay_gpu.trainer.checkpoints import read_checkpoint, write_checkpoint
from belay_gpu.trainer.spool import Spool
from belay_gpu.wal import Wal, valid_prefix
from belay_gpu.worker.cache import InputCache
from belay_gpu.worker.config import StoreConfig
from belay_gpu.worker.inputs import fetch_newest
from belay_gpu.worker.shipping import Segments, WalShipper, checkpoint_prefix, upload_checkpoint
from belay_gpu.worker.store import ObjectStore
from tests.support.servers import free_port, make_bucket, object_store, versitygw

SNAPSHOT = Snapshot(b"{}", b"adapter", b"state", {"step": 7})


@pytest.fixture(scope="module", params=["MinIO", "versitygw"])
def store_config(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StoreConfig]:
    """Only the S3 API is relied on, so everything holds in another server than the stack's too."""
    folder = tmp_path_factory.mktemp("store")
    if request.param == "MinIO":
        server = object_store(folder)
    elif binary := os.environ.get("VERSITYGW_PATH") or shutil.which("versitygw"):
        server = versitygw(binary, folder)
    else:
        pytest.skip("versitygw is not here: `npm test` builds it and names it in VERSITYGW_PATH")
    with server as config:
        make_bucket(config)
        yield config


@pytest.fixture
def cache(store: ObjectStore, tmp_path: Path) -> InputCache:
    return InputCache(tmp_path / "cache", store)


async def test_a_blob_comes_back_checked_and_only_once(store: ObjectStore, cache: InputCache) -> None:
    ref = store.put_blob(b"hello", "text/plain")
    assert ref.uri == f"s3://belay/objects/sha256/{sha256_bytes(b'hello')}"
    path = await cache.path(ref)
    assert path.read_bytes() == b"hello"
    assert await cache.path(ref) == path


async def test_a_damaged_object_never_reaches_the_cache(
    store: ObjectStore, cache: InputCache, tmp_path: Path
) -> None:
    ref = store.put_blob(b"whole", "text/plain")
    store.put_named(ref.uri.removeprefix("s3://belay/"), b"other", "text/plain")
    with pytest.raises(EngineError) as raised:
        await cache.path(ref)
    assert raised.value.type == "CorruptArtifact"
    assert list((tmp_path / "cache").iterdir()) == []


async def test_a_damaged_cached_file_is_fetched_again(store: ObjectStore, tmp_path: Path) -> None:
    ref = store.put_blob(b"content", "text/plain")
    path = await InputCache(tmp_path / "cache", store).path(ref)
    path.write_bytes(b"bit rot")
    assert (await InputCache(tmp_path / "cache", store).path(ref)).read_bytes() == b"content"


async def test_the_cache_forgets_what_was_used_longest_ago(store: ObjectStore, tmp_path: Path) -> None:
    cache = InputCache(tmp_path / "cache", store)
    paths = [await cache.path(store.put_blob(bytes([n]) * 100, "x/y")) for n in range(4)]
    for age, path in enumerate(paths):
        os.utime(path, (1000 + age, 1000 + age))
    InputCache(tmp_path / "cache", store, max_bytes=250).prune()
    assert [path.exists() for path in paths] == [False, False, True, True]


async def test_the_cache_keeps_its_limit_while_it_runs_but_for_what_jobs_hold(
    store: ObjectStore, tmp_path: Path
) -> None:
    cache = InputCache(tmp_path / "cache", store, max_bytes=250)
    refs = [store.put_blob(bytes([n]) * 100, "x/y") for n in range(6)]
    with cache.held():
        held = await asyncio.create_task(cache.path(refs[0]))
        with cache.held():
            also = await cache.path(refs[1])
        others = [await cache.path(ref) for ref in refs[2:5]]
        assert all(path.exists() for path in (held, *others)), "a job may still read them"
        assert not also.exists()
    last = await cache.path(refs[5])
    assert [path.exists() for path in (held, *others, last)] == [False, False, False, True, True]
    assert (await cache.path(refs[0])).read_bytes() == bytes([0]) * 100
    assert sum(file.stat().st_size for file in (tmp_path / "cache").iterdir()) <= 250


async def test_what_is_not_there_and_a_store_that_is_away(
    store: ObjectStore, cache: InputCache, tmp_path: Path
) -> None:
    gone = ArtifactRef(uri="s3://belay/objects/sha256/none", sha256="0" * 64, size_bytes=1, media_type="x/y")
    with pytest.raises(EngineError) as missing:
        await cache.path(gone)
    assert missing.value.type == "NotFound"
    away = ObjectStore(StoreConfig(f"http://127.0.0.1:{free_port()}", "belay", "k", "s"))
    with pytest.raises(EngineError) as unreachable:
        away.put_blob(b"x", "x/y")
    assert unreachable.value.type == "StorageUnavailable"
    assert "does not answer" in unreachable.value.message


@pytest.mark.parametrize(
    ("subject", "prefix"),
    [
        ("r/trial-3", "runs/r/trials/3/checkpoints/"),
        ("r/trial-12x", "runs/r/trial-12x/checkpoints/"),
        ("r/verify-l3", "runs/r/verify-l3/checkpoints/"),
    ],
)
def test_manifests_lie_where_the_kernel_looks(subject: str, prefix: str) -> None:
    assert checkpoint_prefix("r", subject) == prefix


async def test_a_checkpoint_goes_out_and_comes_back_the_same(
    store: ObjectStore, cache: InputCache, tmp_path: Path
) -> None:
    folder = write_checkpoint(tmp_path / "c", SNAPSHOT, 3, {"eval_loss": 1.5})
    ref = upload_checkpoint(store, "r1", "r1/trial-4", 4, folder)
    again = upload_checkpoint(store, "r1", "r1/trial-4", 4, folder)
    assert again == ref
    assert ref.manifest.uri == "s3://belay/runs/r1/trials/4/checkpoints/00000007-3.json"
    manifest = CheckpointManifest.model_validate_json((await cache.path(ref.manifest)).read_bytes())
    assert (manifest.trial_id, manifest.metrics) == ("r1/trial-4", {"eval_loss": 1.5})
    found = await fetch_newest(cache, [ref], tmp_path / "back", 7)
    assert found is not None
    assert read_checkpoint(found[1]) == read_checkpoint(folder)
    assert await fetch_newest(cache, [ref], tmp_path / "beyond", 6) is None


async def test_the_manifest_is_written_last(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_checkpoint(tmp_path / "c", SNAPSHOT, 3, {})
    keys: list[str] = []
    real = store.put_named
    monkeypatch.setattr(
        store, "put_named", lambda key, data, media: keys.append(key) or real(key, data, media)
    )
    upload_checkpoint(store, "r1", "r1/trial-5", 5, folder)
    assert [key.startswith("objects/sha256/") for key in keys] == [True] * 4 + [False]


async def test_segments_are_whole_lines_shipped_once(
    store: ObjectStore, store_config: StoreConfig, tmp_path: Path
) -> None:
    spool, segments = Spool(tmp_path), Segments()
    wal = Wal(spool.wal_path("run/ä"), "run/ä", "e.1")
    shipper = WalShipper(spool, store, segments)
    await shipper.ship("run/ä")
    assert segments.take("run/ä") == []
    for step in range(3):
        wal.append(None, None, "trial.metrics", {"step": step})
    wal.flush()
    await shipper.ship("run/ä")
    with spool.wal_path("run/ä").open("ab") as file:
        file.write(b"0000")  # a line that is being written
    await shipper.ship("run/ä")
    Wal(spool.wal_path("run/ä"), "run/ä", "e.1").close()
    again = Wal(spool.wal_path("run/ä"), "run/ä", "e.1")
    again.append(None, None, "trial.left", {})
    again.close()
    # Another process goes on where the first one stopped.
    await WalShipper(spool, store, segments).ship_all()
    refs = segments.take("run/ä")
    assert [ref.uri.rpartition("/")[2] for ref in refs] == ["000000000000.jsonl", "000000000003.jsonl"]
    client = Minio(
        store_config.endpoint.removeprefix("http://"),
        store_config.access_key,
        store_config.secret_key,
        secure=False,
        region="us-east-1",
    )
    parts = [client.get_object("belay", ref.uri.removeprefix("s3://belay/")).read() for ref in refs]
    assert b"".join(parts) == spool.wal_path("run/ä").read_bytes()
    assert len(valid_prefix(b"".join(parts), 0).events) == 4
    assert segments.take("run/ä") == []
