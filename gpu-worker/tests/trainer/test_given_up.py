"""Jobs that nobody waits for end alone, and checkpoints that are gone begin no trial anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.spec import BaseSpec
from belay_gpu.files import remove_tree
from belay_gpu.trainer.bases import Bases
from belay_gpu.trainer.commands import Candidate, StopOrder
from belay_gpu.trainer.service import Trainer
from tests.trainer.harness import Bench, events, put, trainer, turn_until_done


def while_loading(service: Trainer, happens: Callable[[], None]) -> None:
    """Something happens while the trainer loads a base."""

    def build(base: BaseSpec, device: torch.device) -> PeftEngine:
        happens()
        return PeftEngine(base, device)

    service.resources.bases = Bases(torch.device("cpu"), build)


@pytest.mark.parametrize("kind", ["training", "evaluation"])
def test_a_waiting_job_that_was_given_up_while_a_base_loads_ends_alone(
    bench: Bench, tmp_path: Path, kind: str
) -> None:
    service = trainer(tmp_path)
    spool = service.resources.spool
    happened: list[Path] = []

    def give_up() -> None:
        folder = spool.job_folder("b")
        assert (folder / "command.json").exists(), "the trainer has taken it"
        spool.put(StopOrder("b"))
        remove_tree(folder)
        happened.append(folder)

    while_loading(service, give_up)
    other = bench.train_order("b", subject="run/trial-1") if kind == "training" else bench.eval_order("b")
    put(service, bench.train_order("a"), other)
    [result] = turn_until_done(service, "a")
    assert happened == [spool.job_folder("b")]
    assert result["output"]["status"] == "reached"
    assert spool.result("b") is None
    assert not spool.job_folder("b").exists()


def test_a_trial_is_not_begun_anew_where_its_checkpoint_cannot_be_read(bench: Bench, tmp_path: Path) -> None:
    service = trainer(tmp_path)
    resume = [Candidate(str(tmp_path / "gone"), 4, 1)]
    put(service, bench.train_order("a", epoch=2, resume=resume))
    [result] = turn_until_done(service, "a")
    assert result["error"]["type"] == "StorageUnavailable"
    assert "run/trial-0" in result["error"]["message"]
    assert "trial.resumed" not in [event["kind"] for event in events(service)]
    assert service.resources.bases.resident.slots == []


def test_a_checkpoint_beyond_the_target_is_none_to_resume_from(bench: Bench, tmp_path: Path) -> None:
    service = trainer(tmp_path)
    put(service, bench.train_order("a", target_step=2, resume=[Candidate(str(tmp_path / "gone"), 4, 1)]))
    [result] = turn_until_done(service, "a")
    assert result["output"]["resumedFromStep"] == 0
