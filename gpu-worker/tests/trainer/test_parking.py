"""A parked slot is taken up by the very trial that it belongs to, or dropped."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from belay_gpu.engine.protocol import Engine
from belay_gpu.engine.spec import BaseSpec
from belay_gpu.trainer.commands import Candidate
from belay_gpu.trainer.parking import ParkedSlot, ParkingLot
from tests.trainer.harness import CONFIG, Bench

NOWHERE = Path("/nowhere")
ORDER = Bench(NOWHERE, BaseSpec("base"), NOWHERE / "train", NOWHERE / "validation").train_order("a")
NEXT = replace(ORDER, job="b", epoch=2, resume=[Candidate("/nowhere/4", 4, 1), Candidate("/nowhere/2", 2, 1)])


def parked(retired: list[str]) -> ParkingLot:
    """The slot of a trial that waits at step 4."""
    lot = ParkingLot(4)
    engine = cast(Engine, SimpleNamespace(retire=retired.append))
    lot.park(ParkedSlot(engine, "slot", 4, 1, ORDER, math.inf, {}))
    return lot


def test_a_slot_is_claimed_where_its_trial_goes_on_from_it() -> None:
    retired: list[str] = []
    lot = parked(retired)
    claimed = lot.claim(NEXT)
    assert claimed is not None and claimed.slot == "slot"
    assert len(lot) == 0 and retired == []


@pytest.mark.parametrize(
    "change",
    [
        {"config": {**CONFIG, "train": {**CONFIG["train"], "seed": 4}}},
        {"base": BaseSpec("another")},
        {"total_steps": ORDER.total_steps + 1},
        {"train_data": "/nowhere/else"},
        {"resume": NEXT.resume[1:]},
        {"resume": [Candidate("/nowhere/4", 4, 2)]},
        {"resume": []},
    ],
    ids=["config", "base", "steps", "data", "step", "epoch", "start"],
)
def test_a_slot_of_another_state_or_another_trial_is_dropped(change: dict[str, Any]) -> None:
    retired: list[str] = []
    lot = parked(retired)
    assert lot.claim(replace(NEXT, **change)) is None
    assert len(lot) == 0 and retired == ["slot"]
