"""Stopping and going on: from which checkpoint, and with which evaluations made up for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from belay_gpu.trainer.checkpoints import list_checkpoints
from belay_gpu.trainer.commands import StopOrder
from belay_gpu.trainer.train_job import TrainJob
from tests.trainer.harness import (
    TOTAL,
    Bench,
    candidate,
    events,
    put,
    trainer,
    turn_until_done,
)


def test_a_stopped_trial_leaves_a_checkpoint_from_which_it_goes_on(bench: Bench, tmp_path: Path) -> None:
    service, straight = trainer(tmp_path / "a"), trainer(tmp_path / "b")
    put(service, bench.train_order("a"))
    for _ in range(6):
        service.turn()
    put(service, StopOrder("a"))
    [stopped] = turn_until_done(service, "a")
    output = stopped["output"]
    assert output["status"] == "stopped"
    assert 0 < output["step"] == output["checkpoint"]["step"] < TOTAL
    assert output["metrics"] == {}
    put(service, bench.train_order("b", epoch=2, resume=[candidate(output)]))
    put(straight, bench.train_order("b"))
    [resumed], [whole] = turn_until_done(service, "b"), turn_until_done(straight, "b")
    assert resumed["output"]["adapterSha256"] == whole["output"]["adapterSha256"]


def evaluations(log: list[dict[str, Any]]) -> list[tuple[int, dict[str, float]]]:
    """Every evaluation in the log, in its order."""
    told = [event["data"] for event in log if "eval_loss" in event["data"].get("values", {})]
    return [(data["step"], data["values"]) for data in told]


@pytest.mark.parametrize("at", ["before its evaluation", "in its evaluation"])
@pytest.mark.parametrize("step", [4, 8])
def test_an_evaluation_that_a_stop_cut_off_is_made_up_for_once(
    bench: Bench, tmp_path: Path, at: str, step: int
) -> None:
    service, straight = trainer(tmp_path / "a"), trainer(tmp_path / "b")
    batches: dict[str, Any] = {"eval_batch_size": 2}
    put(service, bench.train_order("a", **batches))
    service._take_orders()
    service._board()
    job = service._jobs["a"]
    assert isinstance(job, TrainJob)
    while job._step < step:
        if job.slot_due is None:
            job.advance()
        service._step_all()
    if at == "in its evaluation":
        job.advance()
        assert job._evaluation is not None
    put(service, StopOrder("a"))
    service._take_orders()
    output = service.resources.spool.result("a")["output"]
    assert (output["status"], output["step"], output["metrics"]) == ("stopped", step, {})
    assert step not in [done for done, _ in evaluations(events(service))]
    put(service, bench.train_order("b", epoch=2, resume=[candidate(output)], **batches))
    put(straight, bench.train_order("b", **batches))
    [resumed], [whole] = turn_until_done(service, "b"), turn_until_done(straight, "b")
    assert evaluations(events(service)) == evaluations(events(straight))
    assert [done for done, _ in evaluations(events(straight))] == [4, 8, TOTAL]
    for key in ("adapterSha256", "metrics"):
        assert resumed["output"][key] == whole["output"][key]


def test_a_trial_that_was_stopped_before_its_first_step_is_not_evaluated_there(
    bench: Bench, tmp_path: Path
) -> None:
    service = trainer(tmp_path)
    put(service, bench.train_order("a"))
    service._take_orders()
    service._board()
    put(service, StopOrder("a"))
    [stopped] = turn_until_done(service, "a")
    assert stopped["output"]["step"] == 0
    put(service, bench.train_order("b", epoch=2, resume=[candidate(stopped["output"])]))
    turn_until_done(service, "b")
    assert [step for step, _ in evaluations(events(service))] == [4, 8, TOTAL]


def test_a_trial_that_resumes_where_it_was_evaluated_is_not_evaluated_there_again(
    bench: Bench, tmp_path: Path
) -> None:
    service = trainer(tmp_path)
    put(service, bench.train_order("a", target_step=8))
    [first] = turn_until_done(service, "a")
    put(service, bench.train_order("b", epoch=2, resume=[candidate(first["output"])]))
    turn_until_done(service, "b")
    assert [step for step, _ in evaluations(events(service))] == [4, 8, TOTAL]


def test_a_waiting_job_that_is_stopped_never_begins(bench: Bench, tmp_path: Path) -> None:
    service = trainer(tmp_path)
    put(service, bench.train_order("a"), bench.train_order("b", subject="run/trial-1"))
    service.turn()
    put(service, StopOrder("b"))
    [waiting] = turn_until_done(service, "b")
    assert waiting["error"]["type"] == "Cancelled"
    assert turn_until_done(service, "a")[0]["ok"]


@pytest.mark.parametrize("damage", ["truncated", "flipped", "missing"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(bench: Bench, tmp_path: Path, damage: str) -> None:
    service = trainer(tmp_path)
    put(service, bench.train_order("a", target_step=8))
    [whole] = turn_until_done(service, "a")
    older, newest = list_checkpoints(service.resources.spool.job_folder("a") / "checkpoints")
    victim = newest / "trainer_state.safetensors"
    data = victim.read_bytes()
    if damage == "missing":
        victim.unlink()
    else:
        victim.write_bytes(
            data[: len(data) // 2] if damage == "truncated" else data[:-1] + bytes([data[-1] ^ 1])
        )
    resume = [candidate(whole["output"]), replace(candidate(whole["output"]), folder=str(older), step=4)]
    put(service, bench.train_order("b", epoch=2, target_step=8, resume=resume))
    [again] = turn_until_done(service, "b")
    assert again["output"]["resumedFromStep"] == 4
    assert again["output"]["adapterSha256"] == whole["output"]["adapterSha256"]
