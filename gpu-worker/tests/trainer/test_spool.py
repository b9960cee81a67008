from __future__ import annotations

import json
import threading
import time
from itertools import count
from pathlib import Path

import pytest

from belay_gpu.engine.spec import BaseSpec
from belay_gpu.files import slug, write_json_atomic
from belay_gpu.trainer.commands import (
    Candidate,
    EvalOrder,
    MergeOrder,
    ReleaseOrder,
    StopOrder,
    TrainOrder,
    from_json,
    to_json,
)
from belay_gpu.trainer.spool import Spool

BASE = BaseSpec("m", "rev", class_names=("a", "b"), added_tokens=("<x>",))
ORDERS = [
    TrainOrder(
        "j",
        "r",
        "r/trial-1",
        3,
        1,
        BASE,
        {"train": {}, "lora": {}},
        10,
        5,
        2,
        2,
        8,
        1.5,
        "t",
        None,
        [Candidate("c", 4, 2)],
    ),
    EvalOrder(
        "e",
        "r",
        "r/eval",
        1,
        BASE,
        "d",
        None,
        8,
        {"max_new_tokens": 4, "stop": None, "ignore_spaces": False},
        None,
    ),
    MergeOrder("m", "r", "r/merge", 1, BASE, "a", "d", "o"),
    StopOrder("j"),
    ReleaseOrder("r/trial-1"),
]


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: type(order).__name__)
def test_orders_survive_the_spool(tmp_path: Path, order) -> None:
    assert from_json(json.loads(json.dumps(to_json(order)))) == order
    spool = Spool(tmp_path)
    spool.put(order)
    assert list(spool.take()) == [order]
    assert list(spool.take()) == []


def test_orders_are_taken_once_and_in_order_while_others_put_more(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    taken: list[str] = []
    jobs = [f"{writer}-{n:03d}" for writer in "ab" for n in range(100)]

    def write(writer: str) -> None:
        own = Spool(tmp_path)
        for n in range(100):
            own.put(MergeOrder(f"{writer}-{n:03d}", "r", "r/m", 1, BASE, "a", "d", "o"))

    writers = [threading.Thread(target=write, args=(writer,)) for writer in "ab"]
    for thread in writers:
        thread.start()
    while any(thread.is_alive() for thread in writers):
        taken += [order.job for order in spool.take() if isinstance(order, MergeOrder)]
    taken += [order.job for order in spool.take() if isinstance(order, MergeOrder)]
    assert sorted(taken) == jobs
    for writer in "ab":
        own = [job for job in taken if job.startswith(writer)]
        assert own == sorted(own)


def test_a_clock_that_is_set_back_changes_no_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count(2_000_000_000_000_000_000, -1_000_000_000)
    monkeypatch.setattr(time, "time_ns", lambda: next(clock))
    spool = Spool(tmp_path)
    for order in ORDERS:
        spool.put(order)
    assert list(spool.take()) == ORDERS


def test_orders_of_a_ruler_that_is_started_again_come_after_those_that_lie_there(tmp_path: Path) -> None:
    first, *rest = ORDERS
    earlier = Spool(tmp_path)
    earlier.put(ReleaseOrder("r/trial-2"))
    earlier.put(first)
    (tmp_path / "commands" / "zz.json").write_text("{broken")
    again = Spool(tmp_path)
    for order in rest:
        again.put(order)
    assert list(again.take()) == [ReleaseOrder("r/trial-2"), first, *rest]


def test_a_job_is_the_trainers_from_its_order_to_its_result(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    (spool.commands / "zz.json").write_text("{broken")
    assert not spool.has_open("e")
    for order in (ORDERS[1], StopOrder("e")):
        spool.put(order)
    assert spool.has_open("e")
    assert not spool.has_open("j")
    assert len(list(spool.take())) == 2
    assert spool.has_open("e")
    spool.write_result("e", {"ok": True})
    assert not spool.has_open("e")


def test_what_is_said_of_a_job_without_a_folder_is_lost(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.write_status("j", {"step": 1})
    spool.write_result("j", {"ok": True})
    assert list(spool.jobs.iterdir()) == []


def test_a_half_written_order_is_not_seen(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    (spool.commands / ".draft.json.1.tmp").write_text('{"kind": "st')
    assert list(spool.take()) == []
    (spool.commands / "bad.json").write_text('{"kind": "dance"}')
    assert list(spool.take()) == []
    assert (spool.jobs / "refused-bad.json").exists()


def test_readers_of_a_file_that_is_replaced_see_one_version_or_the_other(tmp_path: Path) -> None:
    path, torn = tmp_path / "status.json", []
    write_json_atomic(path, {"step": 0, "pad": "x" * 5000})
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            try:
                json.loads(path.read_bytes())
            except ValueError as error:
                torn.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for step in range(500):
        write_json_atomic(path, {"step": step, "pad": "x" * (step * 10)})
    done.set()
    reader.join()
    assert torn == []
    assert list(tmp_path.iterdir()) == [path]


def test_slugs_are_file_names_and_differ_when_ids_do() -> None:
    ids = ["run/trial-1", "run%2ftrial-1", "../../etc", "ünïcode", "a b", ".", "", "run.trial-1"]
    slugs = [slug(id_) for id_ in ids]
    assert len(set(slugs)) == len(ids)
    assert all("/" not in name and name not in (".", "..", "") for name in slugs)
