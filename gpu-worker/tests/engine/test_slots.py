"""Several adapters in one base: none may touch another, or the process's own generator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from safetensors.torch import load

from belay_gpu.engine import peft_engine
from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.protocol import EvalRequest, Snapshot, StepResult
from belay_gpu.engine.spec import LoraParams, SlotSpec, TrainParams
from tests.support.tiny import copy_task
from tests.support.walk import finish

DATA = copy_task(24)
SPEC = SlotSpec(
    LoraParams(r=4, lora_alpha=8, lora_dropout=0.2),
    TrainParams(1e-2, 4, 1, weight_decay=0.1, seed=5, full_determinism=True),
    20,
)
OTHER = replace(SPEC, lora=LoraParams(r=8, lora_alpha=4, lora_dropout=0.1), train=replace(SPEC.train, seed=6))


def bits(engine: PeftEngine, slot: str) -> Snapshot:
    return engine.snapshot(slot)


def step(engine: PeftEngine, slot: str) -> StepResult:
    result = engine.step([slot])[slot]
    assert isinstance(result, StepResult)
    return result


def test_stepping_one_slot_leaves_the_others_bit_identical(engine: PeftEngine) -> None:
    for name, spec in (("a", SPEC), ("b", OTHER), ("c", SPEC)):
        engine.admit(name, spec, DATA)
        step(engine, name)
    before = {name: bits(engine, name) for name in "bc"}
    stepped = bits(engine, "a")
    for _ in range(3):
        step(engine, "a")
    assert {name: bits(engine, name) for name in "bc"} == before
    assert bits(engine, "a") != stepped


def test_a_slot_among_others_trains_as_it_does_alone(new_engine: Callable[[], PeftEngine]) -> None:
    alone, shared = new_engine(), new_engine()
    alone.admit("a", SPEC, DATA)
    expected = [step(alone, "a").loss for _ in range(6)]
    shared.admit("b", OTHER, DATA)
    step(shared, "b")
    shared.admit("a", SPEC, DATA)
    got = []
    for round_ in range(6):
        got.append(step(shared, "a").loss)
        if round_ == 3:
            shared.retire("b")
        elif round_ < 3:
            step(shared, "b")
            finish(shared.evaluate("b", copy_task(8, split="validation"), EvalRequest(4)))
    assert got == expected
    assert bits(shared, "a") == bits(alone, "a")


def test_a_reused_slot_remembers_nothing(new_engine: Callable[[], PeftEngine]) -> None:
    used, fresh = new_engine(), new_engine()
    used.admit("a", OTHER, DATA)
    for _ in range(5):
        step(used, "a")
    used.retire("a")
    for each in (used, fresh):
        each.admit("a", SPEC, DATA)
        for _ in range(3):
            step(each, "a")
    assert bits(used, "a") == bits(fresh, "a")


def test_a_slot_that_diverges_keeps_to_itself(new_engine: Callable[[], PeftEngine]) -> None:
    alone, shared = new_engine(), new_engine()
    wild = replace(
        SPEC,
        lora=replace(SPEC.lora, lora_dropout=0.0),
        train=replace(SPEC.train, learning_rate=1e30, max_grad_norm=None),
    )
    for each in (alone, shared):
        each.admit("a", SPEC, DATA)
    shared.admit("wild", wild, DATA)
    diverged = False
    for _ in range(6):
        step(alone, "a")
        step(shared, "a")
        result = step(shared, "wild") if not diverged else None
        diverged = diverged or (result is not None and result.diverged)
    assert diverged
    assert bits(shared, "a") == bits(alone, "a")


def test_a_diverging_step_changes_no_weight_and_reports_no_number(engine: PeftEngine) -> None:
    engine.admit("a", SPEC, DATA)
    step(engine, "a")
    poisoned = bits(engine, "a")
    state = {name: torch.full_like(tensor, float("nan")) for name, tensor in load(poisoned.adapter).items()}
    engine._adapters.set_weights(engine._slots["a"].name, state)
    result = step(engine, "a")
    assert result.diverged
    assert result.loss is None
    assert result.grad_norm is None
    assert result.step == 1


def test_the_process_generator_is_left_alone(engine: PeftEngine) -> None:
    torch.manual_seed(99)
    before = torch.get_rng_state()
    engine.admit("a", SPEC, DATA)
    step(engine, "a")
    finish(engine.evaluate("a", DATA, EvalRequest(8)))
    engine.retire("a")
    assert torch.equal(torch.get_rng_state(), before)


def test_the_bare_base_scores_the_same_with_slots_and_after_them(engine: PeftEngine) -> None:
    def base() -> dict[str, float]:
        return finish(engine.evaluate(None, DATA, EvalRequest(8))).metrics

    before = base()
    engine.admit("a", SPEC, DATA)
    for _ in range(3):
        step(engine, "a")
    assert base() == before
    assert finish(engine.evaluate("a", DATA, EvalRequest(8))).metrics != before
    engine.retire("a")
    assert base() == before
    assert engine.slots == []


@pytest.mark.parametrize("dora", [False, True], ids=["lora", "dora"])
def test_a_restored_slot_goes_on_bit_for_bit(new_engine: Callable[[], PeftEngine], dora: bool) -> None:
    spec = replace(SPEC, lora=replace(SPEC.lora, use_dora=dora))
    straight, resumed = new_engine(), new_engine()
    straight.admit("a", spec, DATA)
    for _ in range(4):
        step(straight, "a")
    saved = bits(straight, "a")
    resumed.admit("neighbour", OTHER, DATA)
    resumed.restore("a", spec, DATA, saved)
    assert bits(resumed, "a") == saved
    for _ in range(4):
        assert step(straight, "a").loss == step(resumed, "a").loss
    assert bits(straight, "a") == bits(resumed, "a")


def broken(error: Exception, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next `times` losses fail with `error`."""
    real, left = peft_engine.loss_sum, [error] * times

    def loss_sum(*arguments: Any) -> torch.Tensor:
        if left:
            raise left.pop()
        return real(*arguments)

    monkeypatch.setattr(peft_engine, "loss_sum", loss_sum)


@pytest.mark.parametrize(
    ("error", "type_", "message"),
    [
        (RuntimeError("mat1 and mat2\ncannot be\nmultiplied"), "Internal", "RuntimeError: mat1 and mat2"),
        (KeyError("input_ids"), "Internal", "KeyError: 'input_ids'"),
        (torch.OutOfMemoryError("Tried to allocate\nmore"), "DoesNotFit", "Tried to allocate"),
        (EngineError("Unsupported", "no such kernel"), "Unsupported", "no such kernel"),
    ],
    ids=["defect", "bare key", "out of memory", "known"],
)
def test_a_slot_that_fails_is_answered_and_the_others_step(
    new_engine: Callable[[], PeftEngine],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    type_: str,
    message: str,
) -> None:
    alone, shared = new_engine(), new_engine()
    alone.admit("b", OTHER, DATA)
    step(alone, "b")
    shared.admit("a", SPEC, DATA)
    shared.admit("b", OTHER, DATA)
    broken(error, 1, monkeypatch)
    results = shared.step(["a", "b"])
    failed = results["a"]
    assert isinstance(failed, EngineError)
    assert failed.type == type_
    assert message in failed.message
    assert "\n" not in failed.message
    assert isinstance(results["b"], StepResult)
    assert bits(shared, "b") == bits(alone, "b")


def test_an_error_of_the_device_ends_every_slot(engine: PeftEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.admit("a", SPEC, DATA)
    broken(torch.AcceleratorError("illegal memory access"), 1, monkeypatch)
    with pytest.raises(torch.AcceleratorError):
        engine.step(["a"])
