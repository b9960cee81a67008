"""A defect, or a poisoned device, in the middle of a turn: who is hit by it, and who is not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from belay_gpu.engine import peft_engine, scoring
from belay_gpu.engine.peft_engine import PeftEngine
from tests.trainer.harness import (
    Bench,
    put,
    trainer,
    turn_until_done,
)


def test_a_defect_in_one_trials_step_ends_that_trial_only(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, quiet = trainer(tmp_path / "a", slots=2), trainer(tmp_path / "b")
    real, left = peft_engine.loss_sum, [RuntimeError("mat1 and mat2\ncannot be multiplied")]

    def loss_sum(*arguments: Any) -> torch.Tensor:
        if left:
            raise left.pop()
        return real(*arguments)

    monkeypatch.setattr(peft_engine, "loss_sum", loss_sum)
    put(service, bench.train_order("bad", subject="run/trial-9"), bench.train_order("good"))
    bad, good = turn_until_done(service, "bad", "good")
    assert left == []
    assert bad["error"] == {"type": "Internal", "message": "RuntimeError: mat1 and mat2"}
    put(quiet, bench.train_order("good"))
    [alone] = turn_until_done(quiet, "good")
    assert good["output"]["adapterSha256"] == alone["output"]["adapterSha256"]
    assert service.resources.bases.resident.slots == []


def test_an_engine_that_throws_in_a_step_ends_the_jobs_of_that_step(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = trainer(tmp_path, slots=2)

    def step(engine: PeftEngine, slots: Sequence[str]) -> dict[str, Any]:
        raise ZeroDivisionError("float division by zero")

    put(service, bench.train_order("a"), bench.train_order("b", subject="run/trial-1"))
    with monkeypatch.context() as patch:
        patch.setattr(PeftEngine, "step", step)
        results = turn_until_done(service, "a", "b")
    assert [result["error"]["type"] for result in results] == ["Internal", "Internal"]
    put(service, bench.train_order("c", epoch=2, target_step=2))
    assert turn_until_done(service, "c")[0]["ok"]


def test_a_defect_in_an_evaluation_ends_that_evaluation_only(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = trainer(tmp_path)
    real, left = scoring.row_scores, [IndexError("index 7 is out of bounds\nfor axis 0")]

    def row_scores(*arguments: Any) -> dict[str, list[float]]:
        if left:
            raise left.pop()
        return real(*arguments)

    monkeypatch.setattr(scoring, "row_scores", row_scores)
    put(service, bench.eval_order("bad"), bench.train_order("good", target_step=2))
    bad, good = turn_until_done(service, "bad", "good")
    assert bad["error"] == {"type": "Internal", "message": "IndexError: index 7 is out of bounds"}
    assert good["ok"]


def test_a_poisoned_device_ends_the_trainer(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = trainer(tmp_path)

    def loss_sum(*_: Any) -> torch.Tensor:
        raise torch.AcceleratorError("an illegal memory access was encountered")

    monkeypatch.setattr(peft_engine, "loss_sum", loss_sum)
    put(service, bench.train_order("a"))
    with pytest.raises(torch.AcceleratorError):
        turn_until_done(service, "a")
