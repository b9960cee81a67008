"""The loop: rungs, parking, turns, fencing, and failures that stay with their own job."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from belay_gpu.engine.environment import describe_environment
from belay_gpu.trainer import checkpoints
from belay_gpu.trainer.checkpoints import list_checkpoints
from belay_gpu.trainer.commands import MergeOrder, ReleaseOrder
from tests.support.tiny import copy_task, write_split
from tests.trainer.harness import (
    CONFIG,
    TOTAL,
    Bench,
    candidate,
    events,
    losses,
    put,
    trainer,
    turn_until_done,
)


def changed(**train: object) -> dict:
    return {**CONFIG, "train": {**CONFIG["train"], **train}}


def test_a_trial_is_evaluated_and_saved_on_its_way(bench: Bench, tmp_path: Path) -> None:
    service = trainer(tmp_path)
    put(service, bench.train_order("a"))
    [result] = turn_until_done(service, "a")
    output = result["output"]
    assert (output["status"], output["step"], output["resumedFromStep"]) == ("reached", TOTAL, 0)
    assert set(output["metrics"]) == {"eval_loss", "perplexity", "bits_per_byte", "token_accuracy"}
    names = [
        folder.name for folder in list_checkpoints(service.resources.spool.job_folder("a") / "checkpoints")
    ]
    assert names == ["00000004-1", "00000008-1", "00000012-1"]
    log = events(service)
    assert list(losses(log)) == list(range(1, TOTAL + 1))
    evaluated = [e["data"]["step"] for e in log if "eval_loss" in e["data"].get("values", {})]
    assert evaluated == [4, 8, 12]
    assert [e["kind"] for e in log if e["kind"] != "trial.metrics"] == [
        "engine.environment",
        "trial.resumed",
        *["trial.checkpoint"] * 3,
        "trial.left",
    ]
    assert log[0]["data"] == describe_environment(torch.device("cpu"))
    assert log[0]["data"]["versions"]["torch"] == torch.__version__
    assert service.resources.bases.resident is not None
    assert service.resources.bases.resident.slots == []


@pytest.mark.parametrize("park", [0, 60], ids=["reloaded", "parked"])
def test_rungs_give_the_bits_of_one_straight_run(bench: Bench, tmp_path: Path, park: int) -> None:
    straight, rungs = trainer(tmp_path / "straight"), trainer(tmp_path / "rungs")
    put(straight, bench.train_order("a"))
    [whole] = turn_until_done(straight, "a")
    resume: list = []
    output: dict = {}
    for epoch, target in enumerate((3, 7, TOTAL), start=1):
        job = f"rung-{target}"
        put(rungs, bench.train_order(job, epoch=epoch, target_step=target, resume=resume, park_seconds=park))
        [result] = turn_until_done(rungs, job)
        output = result["output"]
        assert len(rungs.resources.parking) == (1 if park else 0)
        resume = [candidate(output)]
    assert output["adapterSha256"] == whole["output"]["adapterSha256"]
    assert output["metrics"] == whole["output"]["metrics"]
    assert output["initSha256"] == whole["output"]["initSha256"]
    assert losses(events(rungs)) == losses(events(straight))


def test_a_parked_slot_is_used_only_for_the_checkpoint_it_equals(bench: Bench, tmp_path: Path) -> None:
    service = trainer(tmp_path)
    put(service, bench.train_order("a", target_step=4, park_seconds=60))
    [first] = turn_until_done(service, "a")
    put(service, bench.train_order("b", epoch=2, target_step=8, park_seconds=60))
    [fresh] = turn_until_done(service, "b")
    assert fresh["output"]["resumedFromStep"] == 0
    put(service, bench.train_order("c", epoch=3, config=changed(seed=4), resume=[candidate(fresh["output"])]))
    [other] = turn_until_done(service, "c")
    assert other["output"]["resumedFromStep"] == 8
    assert service.resources.bases.resident.slots == []
    assert first["ok"]


def test_a_parked_slot_leaves_when_its_time_is_up_or_it_is_released(bench: Bench, tmp_path: Path) -> None:
    service = trainer(tmp_path)
    put(service, bench.train_order("a", target_step=2, park_seconds=1e-6))
    put(service, bench.train_order("b", subject="run/trial-1", target_step=2, park_seconds=600))
    turn_until_done(service, "a", "b")
    service.turn()
    assert service.resources.bases.resident.slots == ["b"]
    put(service, ReleaseOrder("run/trial-1"))
    service.turn()
    assert service.resources.bases.resident.slots == []


def test_slots_take_turns_and_do_not_touch_each_other(bench: Bench, tmp_path: Path) -> None:
    alone, shared = trainer(tmp_path / "alone"), trainer(tmp_path / "shared", slots=3)
    orders = [
        bench.train_order(f"t{n}", subject=f"run/trial-{n}", config=changed(seed=n, learning_rate=10**-n))
        for n in (1, 2, 3)
    ]
    put(alone, *orders)
    put(shared, *orders)
    expected, got = (turn_until_done(service, "t1", "t2", "t3") for service in (alone, shared))
    assert [r["output"]["adapterSha256"] for r in got] == [r["output"]["adapterSha256"] for r in expected]
    order = [e["subject"] for e in events(shared) if "train_loss" in e["data"].get("values", {})]
    assert order[:6] == ["run/trial-1", "run/trial-2", "run/trial-3"] * 2
    assert [e["subject"] for e in events(alone) if "train_loss" in e["data"].get("values", {})][:6] == [
        "run/trial-1"
    ] * 6


def test_an_evaluation_does_not_wait_for_a_training_slot(bench: Bench, tmp_path: Path) -> None:
    service = trainer(tmp_path, slots=1)
    put(service, bench.train_order("long", target_step=TOTAL))
    service.turn()
    put(service, bench.train_order("next", subject="run/trial-1"), bench.eval_order("score"))
    [score] = turn_until_done(service, "score")
    assert score["ok"]
    assert service.resources.spool.result("long") is None
    assert service.resources.spool.result("next") is None
    turn_until_done(service, "long", "next")


def test_a_diverging_trial_ends_alone_without_a_number(bench: Bench, tmp_path: Path) -> None:
    service, quiet = trainer(tmp_path / "a", slots=2), trainer(tmp_path / "b")
    wild = bench.train_order(
        "wild",
        subject="run/trial-9",
        config=changed(learning_rate=1e30, max_grad_norm=None, lr_scheduler_type="constant"),
    )
    put(service, wild, bench.train_order("good"))
    put(quiet, bench.train_order("good"))
    bad, good = turn_until_done(service, "wild", "good")
    [alone] = turn_until_done(quiet, "good")
    assert bad["output"]["status"] == "diverged"
    assert bad["output"]["metrics"] == {}
    assert bad["output"]["adapterSha256"] is None
    assert good["output"]["adapterSha256"] == alone["output"]["adapterSha256"]
    text = json.dumps([bad, events(service)])
    assert "NaN" not in text
    assert "Infinity" not in text
    assert any(e["kind"] == "trial.diverged" for e in events(service))


def test_older_epochs_are_refused_and_newer_ones_take_over(bench: Bench, tmp_path: Path) -> None:
    service = trainer(tmp_path)
    put(service, bench.train_order("second", epoch=2))
    service.turn()
    put(service, bench.train_order("first", epoch=1))
    [late] = turn_until_done(service, "first")
    assert late["error"]["type"] == "StaleEpoch"
    put(service, bench.train_order("third", epoch=3, target_step=2))
    second, third = turn_until_done(service, "second", "third")
    assert second["error"]["type"] == "StaleEpoch"
    assert third["output"]["status"] == "reached"


def test_a_full_disk_fails_the_job_and_spares_the_checkpoint_before(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = trainer(tmp_path)
    real, calls = checkpoints.write_synced, []

    def full(path: Path, data: bytes) -> None:
        calls.append(path.name)
        if len(calls) == 8:  # in the middle of the second checkpoint
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        real(path, data)

    monkeypatch.setattr(checkpoints, "write_synced", full)
    put(service, bench.train_order("a"))
    [failed] = turn_until_done(service, "a")
    assert len(calls) == 8
    assert failed["error"]["type"] == "DiskFull"
    assert "step 8" in failed["error"]["message"]
    folder = service.resources.spool.job_folder("a") / "checkpoints"
    assert [entry.name for entry in folder.iterdir()] == ["00000004-1"]
    put(service, bench.train_order("b", epoch=2, resume=[]))
    assert turn_until_done(service, "b")[0]["ok"]


def test_bad_orders_fail_alone_with_a_clear_line(bench: Bench, tmp_path: Path) -> None:
    service = trainer(tmp_path)
    put(
        service,
        bench.train_order("far", subject="run/trial-1", target_step=TOTAL + 1),
        bench.train_order("gone", subject="run/trial-2", train_data=str(tmp_path / "none")),
        bench.train_order(
            "base", subject="run/trial-3", base=replace(bench.base, model=str(tmp_path / "nowhere"))
        ),
        bench.eval_order("score", adapter=str(tmp_path / "no-adapter")),
        MergeOrder(
            "merge",
            "run",
            "run/merge",
            1,
            bench.base,
            str(tmp_path / "x"),
            str(bench.validation),
            str(tmp_path / "m"),
        ),
    )
    (service.resources.spool.commands / "zz.json").write_text("{broken")
    results = turn_until_done(service, "far", "gone", "base", "score", "merge")
    types = [result["error"]["type"] for result in results]
    assert types == [
        "InvalidSpec",
        "CorruptArtifact",
        "ModelUnavailable",
        "CorruptArtifact",
        "CorruptArtifact",
    ]
    put(service, bench.train_order("good", target_step=2))
    assert turn_until_done(service, "good")[0]["ok"]
    assert not list(service.resources.spool.commands.iterdir())


def test_another_base_waits_for_its_turn_and_is_not_passed(bench: Bench, tmp_path: Path) -> None:
    service = trainer(tmp_path, slots=2)
    other = replace(bench.base, dtype="bfloat16")
    put(service, bench.train_order("a"))
    service.turn()
    put(
        service,
        bench.train_order("b", subject="run/trial-1", base=other, target_step=2),
        bench.train_order("c", subject="run/trial-2", target_step=2),
    )
    turn_until_done(service, "a", "b", "c")
    ended = [e["subject"] for e in events(service) if e["kind"] == "trial.left"]
    assert ended == ["run/trial-0", "run/trial-1", "run/trial-2"]


def test_a_merge_leaves_a_model_folder(bench: Bench, tmp_path: Path) -> None:
    service = trainer(tmp_path / "spool")
    put(service, bench.train_order("a", target_step=2))
    [trained] = turn_until_done(service, "a")
    adapter = trained["output"]["checkpoint"]["folder"]
    put(
        service,
        MergeOrder(
            "m", "run", "run/merge", 1, bench.base, adapter, str(bench.validation), str(tmp_path / "m")
        ),
    )
    [merged] = turn_until_done(service, "m")
    assert merged["output"]["passed"]
    assert (tmp_path / "m" / "model.safetensors").is_file()


def test_without_validation_rows_a_trial_still_reaches_its_target(bench: Bench, tmp_path: Path) -> None:
    service = trainer(tmp_path)
    put(service, bench.train_order("a", validation_data=None, target_step=5))
    [result] = turn_until_done(service, "a")
    assert result["output"]["metrics"] == {}
    assert result["output"]["checkpoint"]["step"] == 5


def test_examples_are_written_for_the_paired_bootstrap(bench: Bench, tmp_path: Path) -> None:
    service = trainer(tmp_path)
    rows = write_split(tmp_path, copy_task(5, split="test"))
    put(
        service,
        bench.eval_order(
            "s", data=str(rows), generation={"max_new_tokens": 3, "stop": None, "ignore_spaces": True}
        ),
    )
    [result] = turn_until_done(service, "s")
    examples = json.loads(Path(result["output"]["examplesFile"]).read_text())["examples"]
    assert len(examples) == 5
    assert all(set(e) == {"loss", "tokens", "correct", "bytes", "exact_match", "f1"} for e in examples)
