"""Bases whose weights do not fill the architecture of their config.json: nothing of a base is ever random."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AlbertConfig, AlbertForMaskedLM, MixtralConfig, MixtralForCausalLM

from belay_gpu.engine.base_model import load_base
from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.spec import BaseSpec
from tests.support.encoders import ENCODERS, save, t5
from tests.support.tiny import PAD, VOCAB, save_bert, save_gpt2, save_llama

CPU = torch.device("cpu")
CLASSES = ("c0", "c1", "c2")


def language_model(folder: Path) -> BaseSpec:
    return BaseSpec(str(folder))


def classifier(folder: Path) -> BaseSpec:
    return BaseSpec(str(folder), task="sequence_classification", class_names=CLASSES)


def configure(folder: Path, **changes: object) -> Path:
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    return folder


def without(folder: Path, *parts: str) -> Path:
    """The folder less the weights whose names contain one of `parts`."""
    file = folder / "model.safetensors"
    kept = {name: held for name, held in load_file(file).items() if not any(part in name for part in parts)}
    assert len(kept) < len(load_file(file))
    save_file(kept, file, {"format": "pt"})
    return folder


def refusal(spec: BaseSpec) -> str:
    with pytest.raises(EngineError) as raised:
        load_base(spec, CPU)
    assert raised.value.type == "ModelUnavailable"
    assert "\n" not in raised.value.message
    return raised.value.message


def test_a_layer_more_than_the_weights_have(tmp_path: Path) -> None:
    folder = configure(save_llama(tmp_path), num_hidden_layers=3)
    assert refusal(language_model(folder)) == (
        f"model {folder}: its weights do not fill the architecture of its config.json; its files lack "
        "model.layers.2.input_layernorm.weight, model.layers.2.mlp.down_proj.weight, "
        "model.layers.2.mlp.gate_proj.weight and 6 others"
    )
    assert "model.layers.2." in refusal(classifier(folder))


@pytest.mark.parametrize("tied", [False, True])
def test_the_ends_of_a_language_model(tmp_path: Path, tied: bool) -> None:
    folder = save_llama(tmp_path, tied=tied)
    load_base(language_model(folder), CPU)
    lacking = "model.embed_tokens.weight" if tied else "lm_head.weight"
    assert refusal(language_model(without(folder, lacking))).endswith(f"its files lack {lacking}")


def test_tied_weights_are_not_missing(tmp_path: Path) -> None:
    load_base(language_model(save_gpt2(tmp_path)), CPU)


def test_a_last_norm_and_embeddings_are_no_new_parts_of_a_classifier(tmp_path: Path) -> None:
    folder = without(save_llama(tmp_path), "model.norm")
    assert refusal(classifier(folder)).endswith("its files lack model.norm.weight")
    folder = without(save_bert(tmp_path / "bert"), "position_embeddings")
    assert "bert.embeddings.position_embeddings.weight" in refusal(classifier(folder))


def save_albert(folder: Path) -> Path:
    config = AlbertConfig(
        vocab_size=VOCAB, embedding_size=16, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=64, pad_token_id=PAD,
    )  # fmt: skip
    return save(lambda: AlbertForMaskedLM(config), folder)


NEW: dict[str, tuple[Callable[[Path], Path], list[str]]] = {
    "deberta": (ENCODERS["deberta"], ["classifier", "pooler.dense"]),
    "distilbert": (ENCODERS["distilbert"], ["classifier", "pre_classifier"]),
    "bert": (save_bert, ["bert.pooler.dense", "classifier"]),
    "albert": (save_albert, ["albert.pooler", "classifier"]),
    "t5": (
        lambda folder: save(t5, folder),
        ["classification_head.dense", "classification_head.out_proj"],
    ),
    "llama": (save_llama, ["score"]),
}


@pytest.mark.parametrize("base", NEW)
def test_what_a_classifier_draws_itself_may_be_missing(tmp_path: Path, base: str) -> None:
    make, new = NEW[base]
    assert load_base(classifier(make(tmp_path)), CPU).new_modules == new


def test_a_layer_that_an_encoder_lacks(tmp_path: Path) -> None:
    folder = without(save_bert(tmp_path), "layer.1.output.dense")
    assert refusal(classifier(folder)).endswith(
        "its files lack bert.encoder.layer.1.output.dense.bias, bert.encoder.layer.1.output.dense.weight"
    )


def test_weights_of_another_width(tmp_path: Path) -> None:
    folder = configure(save_llama(tmp_path), intermediate_size=48)
    assert refusal(language_model(folder)) == (
        f"model {folder}: its files hold model.layers.0.mlp.down_proj.weight as 32 x 64, where 32 x 48 is "
        "needed: its weights do not fit the architecture of its config.json"
    )


def test_a_head_for_other_classes(tmp_path: Path) -> None:
    folder = save_llama(tmp_path)
    load_base(classifier(folder), CPU).model.save_pretrained(folder)
    assert load_base(classifier(folder), CPU).new_modules == []
    other = BaseSpec(str(folder), task="sequence_classification", class_names=("a", "b"))
    assert refusal(other) == (
        f"model {folder}: its files hold score.weight as 3 x 32, where 2 x 32 is needed for the classes of "
        "the data set; use a base without the head of another task"
    )


def save_mixtral(folder: Path) -> Path:
    config = MixtralConfig(
        vocab_size=VOCAB, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, num_local_experts=4, pad_token_id=PAD,
    )  # fmt: skip
    return save(lambda: MixtralForCausalLM(config), folder)


def test_an_expert_that_the_files_lack(tmp_path: Path) -> None:
    folder = save_mixtral(tmp_path)
    load_base(language_model(folder), CPU)
    assert "model.layers.0.mlp.experts" in refusal(language_model(without(folder, "experts.3.")))


def test_an_expert_of_another_shape(tmp_path: Path) -> None:
    file = save_mixtral(tmp_path) / "model.safetensors"
    held = load_file(file)
    name = next(name for name in held if "experts.3." in name)
    save_file({**held, name: torch.zeros(3, 3)}, file, {"format": "pt"})
    assert "such as the experts of a layer, have different shapes" in refusal(language_model(tmp_path))


def test_weights_that_no_module_has_are_passed_over(tmp_path: Path) -> None:
    load_base(language_model(configure(save_llama(tmp_path), num_hidden_layers=1)), CPU)
