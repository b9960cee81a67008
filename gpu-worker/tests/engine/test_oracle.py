"""The engine against plain PEFT: same losses, same weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load

from belay_gpu.engine.cursor import Cursor
from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.protocol import StepResult
from belay_gpu.engine.seeds import derive_seed
from belay_gpu.engine.spec import LoraParams, SlotSpec, TrainParams
from tests.support.oracle import train_plain
from tests.support.tiny import copy_task

STEPS = 20
TARGETS = ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]
PLAIN = SlotSpec(LoraParams(r=4, lora_alpha=8), TrainParams(5e-3, 4, 2, seed=11), STEPS)

VARIANTS = {
    "cosine, accumulation of two": PLAIN,
    "linear, weight decay, no clipping": replace(
        PLAIN, train=replace(PLAIN.train, lr_scheduler_type="linear", weight_decay=0.1, max_grad_norm=None)
    ),
    "constant, rsLoRA, LoRA+": replace(
        PLAIN,
        lora=LoraParams(r=8, lora_alpha=8, use_rslora=True, loraplus_lr_ratio=4.0),
        train=replace(PLAIN.train, lr_scheduler_type="constant"),
    ),
    "warm-up, tight clipping": replace(
        PLAIN,
        train=replace(
            PLAIN.train, lr_scheduler_type="constant_with_warmup", warmup_ratio=0.3, max_grad_norm=0.05
        ),
    ),
}


def run(
    engine: PeftEngine, spec: SlotSpec, slot: str = "a"
) -> tuple[list[StepResult], dict[str, torch.Tensor]]:
    engine.admit(slot, spec, copy_task(30))
    results = [engine.step([slot])[slot] for _ in range(STEPS)]
    assert all(isinstance(result, StepResult) for result in results)
    return results, load(engine.snapshot(slot).adapter)  # type: ignore[return-value]


@pytest.mark.parametrize("name", VARIANTS)
def test_twenty_steps_agree_with_plain_peft(name: str, llama: Path, engine: PeftEngine) -> None:
    spec, data = VARIANTS[name], copy_task(30)
    cursor = Cursor(data.training_units, derive_seed(spec.train.seed, "data"))
    window = spec.train.per_device_train_batch_size * spec.train.gradient_accumulation_steps
    oracle = train_plain(llama, spec, data, [cursor.take(window) for _ in range(STEPS)], TARGETS)
    results, weights = run(engine, spec)
    assert [r.loss for r in results] == pytest.approx(oracle.losses, rel=1e-4)
    assert [r.learning_rate for r in results] == pytest.approx(oracle.rates, rel=1e-9)
    assert weights.keys() == oracle.weights.keys()
    for name_, expected in oracle.weights.items():
        torch.testing.assert_close(weights[name_], expected, rtol=1e-3, atol=2e-4)


def test_initial_weights_are_those_of_plain_peft_bit_for_bit(llama: Path, engine: PeftEngine) -> None:
    engine.admit("a", PLAIN, copy_task(30))
    weights = load(engine.snapshot("a").adapter)
    plain = train_plain(llama, PLAIN, copy_task(30), [], TARGETS).weights
    assert all(torch.equal(weights[name], plain[name]) for name in plain)
    assert any(tensor.abs().sum() > 0 for tensor in weights.values())


def test_deterministic_mode_repeats_bit_for_bit_in_another_engine(new_engine) -> None:
    spec = replace(
        PLAIN, lora=replace(PLAIN.lora, lora_dropout=0.1), train=replace(PLAIN.train, full_determinism=True)
    )
    first, second = run(new_engine(), spec), run(new_engine(), spec)
    assert [r.loss for r in first[0]] == [r.loss for r in second[0]]
    assert all(torch.equal(first[1][name], second[1][name]) for name in first[1])


def test_the_loss_falls(engine: PeftEngine) -> None:
    results, _ = run(engine, PLAIN)
    losses = [result.loss or 0.0 for result in results]
    assert losses[-1] < losses[0] - 0.2
