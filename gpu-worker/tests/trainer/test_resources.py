"""What a trainer that lives for weeks keeps: a few splits, and the logs of runs that are under way."""

from __future__ import annotations

from pathlib import Path

import pytest

from belay_gpu.trainer import jobs
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
