"""Modules that are trained whole, and bases of 4 bits, in a plan."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from belay_gpu.contracts import BuildSearchSpaceInput
from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.quantisation import quantises
from belay_gpu.engine.spec import BaseSpec, LoraParams, SlotSpec, TrainParams
from belay_gpu.skills.config import build_search_space, target_device
from tests.skills.test_config import adapted_names, refusal, request
from tests.support.encoders import ENCODERS
from tests.support.tiny import class_task, copy_task, save_bert, save_gpt2, save_llama

CPU = torch.device("cpu")
CLASSES = ["c0", "c1", "c2"]
TRAIN = TrainParams(1e-3, 4, 1)


def trained(base: BaseSpec, lora: LoraParams) -> int:
    """Trainable parameters of a trial that was really begun."""
    rows = class_task(8) if base.class_names else copy_task(8)
    return PeftEngine(base, CPU).admit("a", SlotSpec(lora, TRAIN, 10), rows).trainable_params


def test_a_classifier_counts_its_head(tmp_path: Path) -> None:
    bert = save_bert(tmp_path)
    asked = request(
        bert, task="sequence_classification", classes=["a", "b", "c"], lora={"target_modules": ["query"]}
    )
    plan = build_search_space(asked)
    assert adapted_names(plan) == {"query"}
    # Two layers of 32 x 32 at rank 4, and a head of 32 x 3 with its bias.
    assert plan.trainable_params.min == 2 * 4 * 64 + 96 + 3
    assert any(weight.reason == "the output head" for weight in plan.skipped)


# The files of this BERT lack a part of its body, which a plan cannot know; XLNet's layers are refused.
@pytest.mark.parametrize("name", [*sorted(ENCODERS.keys() - {"bert", "xlnet"}), "llama", "gpt2"])
def test_a_classifiers_parameters_are_those_that_the_engine_trains(name: str, tmp_path: Path) -> None:
    save = {**ENCODERS, "llama": save_llama, "gpt2": save_gpt2}[name]
    base = BaseSpec(str(save(tmp_path)), task="sequence_classification", class_names=tuple(CLASSES))
    plan = build_search_space(request(tmp_path, task="sequence_classification", classes=CLASSES))
    for rank, planned in ((4, plan.trainable_params.min), (8, plan.trainable_params.max)):
        assert trained(base, LoraParams(r=rank, lora_alpha=8)) == planned


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("saved", [("lm_head",), ("embed_tokens", "norm"), ("model.layers.0.mlp",)])
def test_saved_modules_count_as_the_engine_counts_them(
    tmp_path: Path, saved: tuple[str, ...], tied: bool
) -> None:
    folder = save_llama(tmp_path, tied=tied)
    space = {"r": {"choice": [4]}}
    plan = build_search_space(request(folder, lora={"modules_to_save": list(saved)}, search={"space": space}))
    lora = LoraParams(r=4, lora_alpha=8, modules_to_save=saved)
    assert plan.trainable_params.min == plan.trainable_params.max == trained(BaseSpec(str(folder)), lora)


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("lm_haed", "no module with weights is named lm_haed; the nearest are: lm_head"),
        ("model.embed_token", "the nearest are: model.embed_tokens"),
        ("xyzzy", "there are: down_proj, embed_tokens, gate_proj, input_layernorm"),
        ("layers", "no module with weights is named layers"),
    ],
)
def test_a_module_to_save_that_the_base_does_not_have(tmp_path: Path, wanted: str, told: str) -> None:
    folder = save_llama(tmp_path)
    kind, message = refusal(request(folder, lora={"modules_to_save": ["norm", wanted]}))
    assert kind == "InvalidSpec"
    assert message.startswith("lora.modules_to_save: ")
    assert told in message
    engine = PeftEngine(BaseSpec(str(folder)), CPU)
    lora = LoraParams(r=4, lora_alpha=8, modules_to_save=("norm", wanted))
    with pytest.raises(EngineError) as raised:
        engine.admit("a", SlotSpec(lora, TRAIN, 10), copy_task(8))
    assert (raised.value.type, raised.value.message) == (kind, message)


def test_targets_that_are_all_trained_whole_leave_nothing_to_adapt(tmp_path: Path) -> None:
    lora = {"target_modules": ["classifier"]}
    asked = request(save_bert(tmp_path), task="sequence_classification", classes=CLASSES, lora=lora)
    kind, message = refusal(asked)
    assert kind == "InvalidSpec"
    assert message.startswith("lora.target_modules: classifier names only what is trained whole")


def in_four_bits(model: Path) -> BuildSearchSpaceInput:
    asked = request(model)
    return asked.model_copy(update={"model": asked.model.model_copy(update={"load_in_4bit": True})})


@pytest.mark.skipif(quantises(), reason="needs an environment without bitsandbytes")
def test_four_bits_are_refused_with_the_remedy_where_no_package_makes_them(tmp_path: Path) -> None:
    kind, message = refusal(in_four_bits(save_llama(tmp_path)))
    assert kind == "Unsupported"
    assert message.startswith("model.load_in_4bit: needs bitsandbytes")
    assert f"uv pip install --python {sys.executable} bitsandbytes==" in message
    assert "\n" not in message


def test_four_bits_are_planned_for_where_the_package_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package of that name on the path is enough: nothing is loaded to make a plan."""
    (tmp_path / "packages" / "bitsandbytes").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    plan = build_search_space(in_four_bits(save_llama(tmp_path / "llama")))
    assert plan.memory.base_bytes == int(plan.base_params * (0.5 + 1 / 32))
    assert target_device("cuda:0" if torch.cuda.is_available() else "cuda").quantises
