"""The sign of life that a trainer leaves as its loop goes round."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from belay_gpu.trainer import jobs as module
from belay_gpu.trainer.commands import MergeOrder
from belay_gpu.trainer.spool import Spool
from tests.support.servers import until
from tests.trainer.harness import Bench, put, trainer, turn_until_done


def test_each_turn_leaves_a_new_sign_but_not_hundreds_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = trainer(tmp_path)
    spool = service.resources.spool
    assert spool.turn() is None
    service.turn()
    first = spool.turn()
    assert first is not None
    monkeypatch.setattr(module, "SIGN_SECONDS", 1e9)
    service.turn()
    assert spool.turn() == first
    monkeypatch.setattr(module, "SIGN_SECONDS", 0.0)
    until(lambda: service.turn() or spool.turn() != first, "another sign")


def test_a_full_disk_ends_no_turn(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: Spool) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Spool, "write_turn", full)
    service = trainer(tmp_path)
    put(service, bench.train_order("a", target_step=1))
    assert turn_until_done(service, "a")[0]["ok"]


def test_work_is_an_order_or_a_job_without_a_result(bench: Bench, tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    assert not spool.has_work()
    spool.put(MergeOrder("m", "r", "r/m", 1, bench.base, "a", "d", "o"))
    assert spool.has_work()
    assert not spool.is_taken("m")
    assert len(list(spool.take())) == 1
    assert spool.has_work()
    assert spool.is_taken("m")
    spool.write_result("m", {"ok": True})
    assert not spool.has_work()
