"""Packed rows must train exactly what the same rows train side by side."""

from __future__ import annotations

from typing import Any

import pytest

from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.protocol import StepResult
from belay_gpu.engine.spec import LoraParams, SlotSpec, TrainParams
from tests.support.tiny import copy_task


def test_a_packed_window_has_the_loss_and_gradient_of_its_rows(engine: PeftEngine) -> None:
    rows, packed = copy_task(24), copy_task(24, packed_to=40)
    assert 1 < len(packed.bins) < 24
    base: dict[str, Any] = {
        "learning_rate": 1e-2,
        "gradient_accumulation_steps": 1,
        "max_grad_norm": None,
        "lr_scheduler_type": "constant",
    }
    lora = LoraParams(r=4, lora_alpha=8)
    engine.admit("rows", SlotSpec(lora, TrainParams(per_device_train_batch_size=24, **base), 9), rows)
    engine.admit(
        "bins", SlotSpec(lora, TrainParams(per_device_train_batch_size=len(packed.bins), **base), 9), packed
    )
    for _ in range(4):
        results = engine.step(["rows", "bins"])
        plain, dense = results["rows"], results["bins"]
        assert isinstance(plain, StepResult)
        assert isinstance(dense, StepResult)
        assert dense.label_tokens == plain.label_tokens
        assert dense.loss == pytest.approx(plain.loss, rel=1e-4)
        assert dense.grad_norm == pytest.approx(plain.grad_norm, rel=1e-3)
