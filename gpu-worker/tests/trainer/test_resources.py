"""What a trainer that lives for weeks keeps: a few splits, and the logs of runs that are under way."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from belay_gpu.canonical import sha256_file
from belay_gpu.trainer import jobs
from belay_gpu.trainer.spool import Spool
from tests.support.servers import ROOT
from tests.support.tiny import copy_task, write_split
from tests.trainer.harness import Bench, events, put, trainer, turn_until_done


def test_only_the_splits_that_were_used_last_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MAX_SPLITS", 2)
    resources = trainer(tmp_path / "spool").resources
    paths: list[str] = []
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        paths.append(str(write_split(folder, copy_task(4, seed=number))))
    first = resources.split(paths[0])
    resources.split(paths[1])
    assert resources.split(paths[0]) is first
    resources.split(paths[2])
    assert list(resources.splits) == [paths[0], paths[2]]
    assert resources.split(paths[0]) is first


def test_the_log_of_a_run_without_jobs_is_closed_and_gone_on_with(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(jobs, "monotonic", lambda: now[0])
    service = trainer(tmp_path)
    put(service, bench.train_order("a"))
    service.turn()
    now[0] += 10 * jobs.WAL_IDLE_SECONDS
    service.turn()
    assert list(service.resources.wals) == ["run"], "closed under a job on board"
    turn_until_done(service, "a")
    service.turn()
    wal = service.resources.wals["run"]
    now[0] += jobs.WAL_IDLE_SECONDS
    service.turn()
    assert list(service.resources.wals) == ["run"], "closed while the next rung may come"
    now[0] += 1
    service.turn()
    assert service.resources.wals == {}
    assert wal._file.closed
    before = events(service)
    put(service, bench.train_order("b", epoch=2, target_step=2))
    turn_until_done(service, "b")
    service.turn()
    log = events(service)
    assert log[: len(before)] == before
    assert len(log) > len(before)
    assert [event["seq"] for event in log] == list(range(len(log)))
    assert [event["kind"] for event in log].count("engine.environment") == 1


HUB = """
import sys
from pathlib import Path
from belay_gpu.engine.spec import BaseSpec
from tests.trainer.harness import Bench, put, trainer, turn_until_done
spool, revision, train, validation = sys.argv[1:]
bench = Bench(Path(spool), BaseSpec("someone/tiny", revision), Path(train), Path(validation))
service = trainer(Path(spool))
for job in ("a", "b"):
    put(service, bench.train_order(job, subject=f"run/{job}", target_step=1))
    [result] = turn_until_done(service, job)
    assert result["ok"], result
"""


def test_a_base_of_the_hub_is_told_once_with_the_hashes_of_its_files(bench: Bench, tmp_path: Path) -> None:
    """The hub's own cache on this disk, as a download leaves it: blobs, and a snapshot of links to them."""
    revision = "a" * 40
    cached = tmp_path / "hub" / "models--someone--tiny"
    snapshot, blobs = cached / "snapshots" / revision, cached / "blobs"
    for folder in (snapshot, blobs):
        folder.mkdir(parents=True)
    files = {path.name: sha256_file(path) for path in Path(bench.base.model).iterdir()}
    for name, blob in files.items():
        shutil.copyfile(f"{bench.base.model}/{name}", blobs / blob)
        (snapshot / name).symlink_to(Path("../../blobs") / blob)
    environment = {
        "PYTHONPATH": str(ROOT / "gpu-worker"),
        "PATH": "/usr/bin:/bin",
        "HF_HUB_CACHE": str(tmp_path / "hub"),
        "HF_HUB_OFFLINE": "1",
    }
    spool = tmp_path / "spool"
    command = [sys.executable, "-c", HUB, *map(str, (spool, revision, bench.train, bench.validation))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = [event["data"] for event in events(Spool(spool)) if event["kind"] == "engine.base"]
    assert told == [{"model": "someone/tiny", "revision": revision, "files": files}]


def test_a_local_base_is_not_told(bench: Bench, tmp_path: Path) -> None:
    service = trainer(tmp_path)
    put(service, bench.train_order("a", target_step=1))
    turn_until_done(service, "a")
    assert "engine.base" not in [event["kind"] for event in events(service)]
