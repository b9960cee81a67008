"""Packed rows must train exactly what the same rows train side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    PreTrainedModel,
    Qwen3NextConfig,
    Qwen3NextForCausalLM,
)

from belay_gpu.engine import peft_engine
from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.protocol import StepResult
from belay_gpu.engine.spec import BaseSpec, LoraParams, SlotSpec, TrainParams
from tests.support.tiny import EOS, PAD, VOCAB, copy_task, save_tokenizer

SPEC = SlotSpec(LoraParams(r=2, lora_alpha=4), TrainParams(1e-3, 4, 1), 10)


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


def bloom() -> PreTrainedModel:
    """Its forward takes no positions."""
    size: dict[str, Any] = {"hidden_size": 32, "n_layer": 2, "n_head": 2}
    return BloomForCausalLM(BloomConfig(vocab_size=VOCAB, **size, pad_token_id=PAD, eos_token_id=EOS))


def hybrid() -> PreTrainedModel:
    """Its linear attention carries a state that knows no rows, its full attention parts them."""
    sizes: dict[str, Any] = {
        **dict.fromkeys(("hidden_size", "moe_intermediate_size", "shared_expert_intermediate_size"), 32),
        **dict.fromkeys(("head_dim", "linear_key_head_dim", "linear_value_head_dim"), 16),
        **dict.fromkeys(("num_attention_heads", "num_key_value_heads", "num_hidden_layers"), 2),
        **dict.fromkeys(("linear_num_key_heads", "linear_num_value_heads", "num_experts_per_tok"), 2),
        "num_experts": 4,
    }
    layers = ["linear_attention", "full_attention"]
    config = Qwen3NextConfig(
        vocab_size=VOCAB, **sizes, layer_types=layers, pad_token_id=PAD, eos_token_id=EOS, bos_token_id=None
    )
    return Qwen3NextForCausalLM(config)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("build", [bloom, hybrid])
def test_a_base_that_mixes_packed_rows_is_refused(build: Any, dtype: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    build().save_pretrained(tmp_path)
    save_tokenizer(tmp_path)
    engine = PeftEngine(BaseSpec(str(tmp_path), dtype=dtype), torch.device("cpu"))
    for slot in "ab":
        with pytest.raises(EngineError) as raised:
            engine.admit(slot, SPEC, copy_task(24, packed_to=40))
        assert raised.value.type == "InvalidSpec"
        assert "dataset.packing to false" in raised.value.message
    assert engine.slots == []
    engine.admit("c", SPEC, copy_task(24))
    assert isinstance(engine.step(["c"])["c"], StepResult)


def test_a_base_that_keeps_packed_rows_apart_is_tried_once(
    llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, found = peft_engine.keeps_rows_apart, []

    def keeps_rows_apart(*arguments: Any) -> bool | None:
        found.append(real(*arguments))
        return found[-1]

    monkeypatch.setattr(peft_engine, "keeps_rows_apart", keeps_rows_apart)
    engine = PeftEngine(BaseSpec(str(llama), dtype="bfloat16"), torch.device("cpu"))
    alone = copy_task(3, packed_to=4)
    assert [len(rows) for rows in alone.bins] == [1, 1, 1]
    for slot, data in (("rows", copy_task(4)), ("alone", alone), ("bins", copy_task(24, packed_to=40))):
        engine.admit(slot, SPEC, data)
    engine.admit("more", SPEC, copy_task(24, packed_to=40))
    assert found == [None, True]
