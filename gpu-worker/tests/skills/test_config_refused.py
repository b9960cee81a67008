"""Layers that PEFT does not adapt, and configurations of no possible model, are found before any trial."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from transformers import FalconMambaConfig, MambaConfig, MambaForCausalLM

from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.spec import BaseSpec, LoraParams, SlotSpec, TrainParams
from belay_gpu.skills.config import build_search_space
from tests.skills.test_config import adapted_names, refusal, request, save_config
from tests.support.tiny import VOCAB, copy_task, save_llama

RANK = {"search": {"space": {"r": {"choice": [1, 2]}}}}


def save_mamba(folder: Path) -> Path:
    config = MambaConfig(vocab_size=VOCAB, hidden_size=32, num_hidden_layers=2, state_size=4)
    MambaForCausalLM(config).save_pretrained(folder)
    return folder


def test_all_linear_leaves_out_what_peft_refuses_and_says_so(tmp_path: Path) -> None:
    model = save_mamba(tmp_path)
    plan = build_search_space(request(model, **RANK))
    assert adapted_names(plan) == {"in_proj", "x_proj", "dt_proj"}
    assert [weight.name for weight in plan.skipped if "PEFT does not adapt" in weight.reason] == ["out_proj"]
    lora = LoraParams(r=1, lora_alpha=2)
    trial = SlotSpec(lora, TrainParams(1e-3, 4, 1), 10)
    admitted = PeftEngine(BaseSpec(str(model)), torch.device("cpu")).admit("a", trial, copy_task(8))
    assert admitted.trainable_params == plan.trainable_params.min


def test_a_refused_layer_that_is_named_is_refused_once(tmp_path: Path) -> None:
    config = FalconMambaConfig(vocab_size=VOCAB, hidden_size=32, num_hidden_layers=2, state_size=4)
    model = save_config(tmp_path, config, "FalconMambaForCausalLM")
    kind, message = refusal(request(model, lora={"target_modules": ["in_proj", "out_proj"]}, **RANK))
    assert kind == "InvalidSpec"
    assert "PEFT does not adapt, in a model of this type, out_proj; there are: dt_proj, in_proj" in message


def test_a_config_of_no_possible_model_is_the_models_fault(tmp_path: Path) -> None:
    config = save_llama(tmp_path) / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "num_attention_heads": 0}))
    kind, message = refusal(request(tmp_path))
    assert kind == "ModelUnavailable"
    assert "no model can be built from its config.json: " in message
