"""The check of a merge: it sees what was lost, and takes little memory for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft.tuners.lora import LoraModel

from belay_gpu.engine import loss, merge
from belay_gpu.engine.merge import fits, merge_adapter
from belay_gpu.engine.passes import BODY_BYTES, HEAD_BYTES
from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.spec import BaseSpec, LoraParams, SlotSpec, TrainParams
from belay_gpu.trainer.checkpoints import write_checkpoint
from tests.engine.test_heads import rows as ended_rows
from tests.engine.test_heads import spec as classifier
from tests.support.encoders import ENCODERS
from tests.support.tiny import VOCAB, copy_task

CPU = torch.device("cpu")
SPEC = SlotSpec(LoraParams(r=4, lora_alpha=8), TrainParams(2e-2, 8, 1, seed=5), 40)


@pytest.fixture(scope="module")
def adapter(llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    engine = PeftEngine(BaseSpec(str(llama)), CPU)
    engine.admit("a", SPEC, copy_task(32))
    for _ in range(8):
        engine.step(["a"])
    return write_checkpoint(tmp_path_factory.mktemp("adapter"), engine.snapshot("a"), 1, {})


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Shapes of the logits of each pass."""
    shapes: list[tuple[int, ...]] = []

    def logits_at(*arguments: Any) -> torch.Tensor:
        logits = loss.logits_at(*arguments)
        shapes.append(tuple(logits.shape))
        return logits

    monkeypatch.setattr(merge, "logits_at", logits_at)
    return shapes


def test_every_token_of_short_rows_is_compared_at_once(
    llama: Path, adapter: Path, tmp_path: Path, compared: list[tuple[int, ...]]
) -> None:
    rows = copy_task(20)
    verdict = merge_adapter(BaseSpec(str(llama)), adapter, rows, tmp_path / "m", CPU)
    assert (verdict["passed"], verdict["rows"]) == (True, 16)
    assert compared == [(int(rows.lengths[:16].sum()), VOCAB)] * 2


def test_of_long_rows_a_few_positions_are_compared(
    llama: Path,
    adapter: Path,
    tmp_path: Path,
    compared: list[tuple[int, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(merge, "TOKENS", 7)
    monkeypatch.setattr(merge, "PLACES", 3)
    monkeypatch.setattr(loss, "BODY_BYTES", 1)
    assert merge_adapter(BaseSpec(str(llama)), adapter, copy_task(5), tmp_path / "m", CPU)["passed"]
    assert compared == [(3, VOCAB)] * 10, "row by row"


def test_a_long_row_keeps_the_token_that_its_class_is_read_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BART answers at the end of a row, and refuses one without it."""
    monkeypatch.setattr(merge, "TOKENS", 6)
    base, data = classifier(ENCODERS["bart"](tmp_path / "base")), ended_rows()
    assert {int(length) > 6 for length in data.lengths} == {True, False}
    engine = PeftEngine(base, CPU)
    engine.admit("a", SPEC, data)
    folder = write_checkpoint(tmp_path / "adapter", engine.snapshot("a"), 1, {})
    assert merge_adapter(base, folder, data, tmp_path / "m", CPU)["passed"]


def test_each_part_of_a_merge_gives_a_sign_of_life(
    llama: Path,
    adapter: Path,
    tmp_path: Path,
    compared: list[tuple[int, ...]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loss, "BODY_BYTES", 1)
    passes: list[int] = []
    merge_adapter(
        BaseSpec(str(llama)), adapter, copy_task(3), tmp_path / "m", CPU, lambda: passes.append(len(compared))
    )
    loaded, merged, written, again = 0, 3, 3, 3
    assert passes == [loaded, 1, 2, 3, merged, written, again, 4, 5, 6]


def test_a_merge_without_the_adapter_is_noticed(
    llama: Path, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LoraModel, "merge_and_unload", lambda model, **_: model.unload())
    verdict = merge_adapter(BaseSpec(str(llama)), adapter, copy_task(5), tmp_path / "m", CPU)
    assert not verdict["passed"]
    assert verdict["maxLogitDifference"] > 10 * verdict["tolerance"]


def test_a_device_without_room_is_left_alone(
    llama: Path, adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (1 << 20, 24 << 30))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    full = torch.device("cuda:0")
    assert merge_adapter(BaseSpec(str(llama)), adapter, copy_task(5), tmp_path / "m", full)["passed"]


def test_there_is_room_for_the_weights_and_a_pass(
    engine: PeftEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engine.bare() as model:
        needed = sum(4 * parameter.numel() for parameter in model.parameters()) + BODY_BYTES + HEAD_BYTES
        for free, expected in ((needed, True), (needed - 1, False)):
            monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _, free=free: (free, 24 << 30))
            assert fits(model, torch.device("cuda")) is expected
        assert fits(model, CPU)
