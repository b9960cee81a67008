"""config.buildSearchSpace against real architectures, none of whose weights is loaded."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaForCausalLM, MixtralConfig, PretrainedConfig, Qwen3_5TextConfig

from belay_gpu.contracts import BuildSearchSpaceInput, SearchPlan
from belay_gpu.engine.errors import EngineError
from belay_gpu.skills.config import build_search_space, target_device
from belay_gpu.skills.config.memory import TargetDevice
from tests.support.tiny import save_llama

REF = {"uri": "s3://belay/x", "sha256": "0" * 64, "sizeBytes": 1, "mediaType": "application/json"}


def request(model: Path, **changes: Any) -> BuildSearchSpaceInput:
    """A plain request; `changes` are merged into its sections."""
    raw: dict[str, Any] = {
        "run": "r",
        "task": changes.pop("task", "causal_lm"),
        "model": {"model_name_or_path": str(model), **changes.pop("model", {})},
        "dataset": {
            "profile": REF,
            "tokenised": {"splits": {}, "sha256": "0" * 64, "classNames": changes.pop("classes", None)},
            "rows": {"train": 100, "validation": 10, "test": 10},
            "format": "prompt_completion",
            "datasetSha256": "0" * 64,
            "splitSha256": "0" * 64,
            "tokenizerSha256": "0" * 64,
            "templateSha256": None,
            "labelTokens": 1000,
            "maxLength": 64,
            "warnings": [],
            **changes.pop("dataset", {}),
        },
        "train": changes.pop("train", {}),
        "lora": changes.pop("lora", {}),
        "search": {"space": {"r": {"choice": [4, 8]}}, **changes.pop("search", {})},
        "eval": changes.pop("eval", {}),
        "pack": changes.pop("pack", {}),
    }
    assert not changes
    return BuildSearchSpaceInput.model_validate_json(json.dumps(raw))


def refusal(asked: BuildSearchSpaceInput, device: TargetDevice | None = None) -> tuple[str, str]:
    with pytest.raises(EngineError) as caught:
        build_search_space(asked, device)
    return caught.value.type, str(caught.value)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_llama(tmp_path_factory.mktemp("llama"))


def adapted_names(plan: SearchPlan) -> set[str]:
    return {weight.name for weight in plan.adapted}


def test_the_users_space_is_kept_and_the_weights_are_listed(llama: Path) -> None:
    plan = build_search_space(request(llama))
    assert not plan.proposed
    assert list(plan.space) == ["r"]
    assert adapted_names(plan) == {
        "q_proj",
        "k_proj",
        "v_proj",
        "o_proj",
        "gate_proj",
        "up_proj",
        "down_proj",
    }
    assert {weight.name for weight in plan.skipped} >= {"embed_tokens"}


def test_trainable_parameters_agree_with_peft(llama: Path) -> None:
    plan = build_search_space(request(llama))
    for rank, expected in ((4, plan.trainable_params.min), (8, plan.trainable_params.max)):
        model = get_peft_model(
            LlamaForCausalLM.from_pretrained(llama), LoraConfig(r=rank, target_modules="all-linear")
        )
        assert sum(p.numel() for p in model.parameters() if p.requires_grad) == expected


def test_the_bases_parameters_agree_with_the_loaded_model(llama: Path) -> None:
    loaded = sum(p.numel() for p in LlamaForCausalLM.from_pretrained(llama).parameters())
    assert build_search_space(request(llama)).base_params == loaded


def test_auto_proposes_every_range_with_a_reason(llama: Path) -> None:
    plan = build_search_space(request(llama, search={"space": "auto"}))
    assert plan.proposed
    assert set(plan.space) == set(plan.reasons) >= {"learning_rate", "r"}
    assert all(len(reason) > 20 for reason in plan.reasons.values())


def test_proposed_ranks_stay_within_the_narrowest_layer(tmp_path: Path) -> None:
    narrow = save_llama(tmp_path, hidden=8)
    plan = build_search_space(request(narrow, search={"space": "auto"}))
    ranks = plan.space["r"].model_dump()["choice"]
    assert ranks
    assert max(ranks) <= 8


@pytest.mark.parametrize(
    ("train", "rows", "packs", "steps"),
    [
        ({"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}, 100, None, 13),
        (
            {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2, "num_train_epochs": 3},
            100,
            None,
            39,
        ),
        ({"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}, 100, 10, 2),
        ({"max_steps": 77}, 100, None, 77),
        ({"num_train_epochs": 0.01}, 3, None, 1),
    ],
)
def test_total_steps(llama: Path, train: dict[str, Any], rows: int, packs: int | None, steps: int) -> None:
    dataset = {"rows": {"train": rows, "validation": 1, "test": 1}, "packs": packs}
    assert build_search_space(request(llama, train=train, dataset=dataset)).total_steps == steps


def test_a_rank_above_the_layers_width_is_refused(llama: Path) -> None:
    kind, message = refusal(request(llama, search={"space": {"r": {"int": [4, 64]}}}))
    assert kind == "InvalidSpec"
    assert "search.space.r: rank 64 is above the width of" in message
    assert "use at most 32" in message
    assert "lora.r: rank 48" in refusal(request(llama, lora={"r": 48}, search={"space": {}}))[1]


def test_an_unknown_target_is_refused_with_the_known_ones(llama: Path) -> None:
    kind, message = refusal(request(llama, lora={"target_modules": ["query"]}))
    assert kind == "InvalidSpec"
    assert "no linear layer is named query" in message
    assert "q_proj" in message


def test_searched_targets_are_checked_too(llama: Path) -> None:
    space = {"target_modules": {"choice": ["all-linear", ["q_proj", "nothing"]]}}
    assert "no linear layer is named nothing" in refusal(request(llama, search={"space": space}))[1]


def save_config(folder: Path, config: PretrainedConfig, architecture: str) -> Path:
    """A model folder as far as its shape goes: the weights are never read."""
    config.architectures = [architecture]
    config.save_pretrained(folder)
    (folder / "model.safetensors").write_bytes(b"")
    return folder


def save_mixtral(folder: Path, vocabulary: int) -> Path:
    config = MixtralConfig(
        vocab_size=vocabulary, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, num_local_experts=4,
    )  # fmt: skip
    return save_config(folder, config, "MixtralForCausalLM")


def test_experts_that_all_linear_would_miss_are_not_missed_silently(tmp_path: Path) -> None:
    model = save_mixtral(tmp_path, vocabulary=64)
    kind, message = refusal(request(model))
    assert kind == "Unsupported"
    assert "all-linear does not reach" in message
    assert "q_proj" in message
    named = build_search_space(request(model, lora={"target_modules": ["q_proj"]}))
    assert any("fused" in weight.reason for weight in named.skipped)


def test_fused_weights_that_hold_next_to_nothing_are_only_listed(tmp_path: Path) -> None:
    plan = build_search_space(request(save_mixtral(tmp_path, vocabulary=100_000)))
    fused = [weight for weight in plan.skipped if "fused" in weight.reason]
    held = sum(weight.count * math.prod(weight.shape) for weight in fused)
    assert 0 < held < 0.01 * plan.base_params


def test_the_convolutions_of_a_dense_hybrid_are_listed_and_no_experts(tmp_path: Path) -> None:
    config = Qwen3_5TextConfig(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=4, num_attention_heads=2,
        num_key_value_heads=2, head_dim=16, linear_num_key_heads=2, linear_num_value_heads=2,
        linear_key_head_dim=8, linear_value_head_dim=8,
    )  # fmt: skip
    model = save_config(tmp_path, config, "Qwen3_5ForCausalLM")
    plan = build_search_space(request(model, search={"space": {"r": {"choice": [1, 2]}}}))
    (convolution,) = [weight for weight in plan.skipped if len(weight.shape) > 2]
    assert (convolution.name, convolution.count, convolution.reason) == ("conv1d", 3, "a convolution")
    assert math.prod(convolution.shape) * 3 > 0.01 * plan.base_params, "else its share alone would pass it"
    assert adapted_names(plan) >= {"in_proj_qkv", "out_proj", "q_proj", "down_proj"}


@pytest.mark.parametrize(
    ("search", "evaluation", "message"),
    [
        ({"metric": "exact_match", "mode": "max"}, {}, "search.metric: exact_match cannot be computed"),
        ({}, {"metrics": ["eval_loss", "f1"]}, "eval.metrics: f1 cannot be computed"),
        (
            {"metric": "f1", "mode": "max"},
            {"metrics": ["f1", "exact_match"], "report_metric": "exact_match"},
            "search.metric, eval.metrics, eval.report_metric: exact_match and f1 cannot be computed",
        ),
    ],
)
def test_generated_answers_need_rows_with_prompts(
    llama: Path, search: dict[str, Any], evaluation: dict[str, Any], message: str
) -> None:
    sections = {"search": {"space": {}, **search}, "eval": evaluation}
    kind, told = refusal(request(llama, dataset={"format": "text"}, **sections))
    assert kind == "InvalidSpec"
    assert told.startswith(
        f"{message}: rows of the format text, as are rows whose prompts are all empty, have no prompt to "
        "answer; use metrics such as"
    )
    for format in ("prompt_completion", "alpaca", "messages", "sharegpt"):
        build_search_space(request(llama, dataset={"format": format}, **sections))


def test_plain_text_is_scored_by_its_loss(llama: Path) -> None:
    metrics = ["eval_loss", "perplexity", "bits_per_byte", "token_accuracy"]
    build_search_space(request(llama, dataset={"format": "text"}, eval={"metrics": metrics}))


def test_a_base_that_does_not_fit_is_refused_with_ways_out(llama: Path) -> None:
    small = TargetDevice(cuda=False, memory_bytes=10_000)
    kind, message = refusal(request(llama), small)
    assert kind == "DoesNotFit"
    assert "needs about" in message
    assert "ways out: a smaller base" in message
    assert "4bit" not in message
    bare = TargetDevice(cuda=True, memory_bytes=10_000)
    assert "4bit" not in refusal(request(llama), bare)[1]
    assert "model.load_in_4bit: true" in refusal(request(llama), replace(bare, quantises=True))[1]


def test_only_the_share_that_may_be_planned_for_counts(llama: Path) -> None:
    needed = build_search_space(request(llama)).memory.total_bytes
    device = TargetDevice(cuda=False, memory_bytes=int(needed / 0.6))
    build_search_space(request(llama, pack={"memory_fraction": 0.9}), device)
    kind, message = refusal(request(llama, pack={"memory_fraction": 0.5}), device)
    assert kind == "DoesNotFit"
    assert "pack.memory_fraction lets 0.5 be used" in message


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_gpu_elsewhere_is_planned_for_without_its_size(llama: Path) -> None:
    elsewhere = target_device("cuda")
    assert (elsewhere.cuda, elsewhere.memory_bytes) == (True, None)
    assert build_search_space(request(llama), elsewhere).memory.device_bytes is None


def test_a_cpu_is_planned_for_where_it_was_named() -> None:
    assert target_device("cpu").cuda is False
    assert target_device("cpu").memory_bytes == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_models_that_cannot_be_used_are_named(tmp_path: Path, llama: Path) -> None:
    assert refusal(request(tmp_path / "nowhere"))[0] == "ModelUnavailable"
    (tmp_path / "config.json").write_text(json.dumps({"auto_map": {"AutoModelForCausalLM": "m.M"}}))
    assert "never run" in refusal(request(tmp_path))[1]
    (tmp_path / "config.json").write_text((llama / "config.json").read_text())
    torch.save({}, tmp_path / "pytorch_model.bin")
    assert "no safetensors weights" in refusal(request(tmp_path))[1]


def test_warnings_name_the_key(llama: Path) -> None:
    search = {"pruner": "asha", "space": {}, "asha": {"grace_steps": 500}}
    plan = build_search_space(
        request(llama, search=search, train={"max_steps": 20, "per_device_train_batch_size": 64})
    )
    text = "\n".join(plan.warnings)
    assert "search.asha.grace_steps (500)" in text
    assert "eval.eval_steps (50)" in text
    assert "effective batch of 256" in text


@pytest.mark.parametrize(
    ("pruner", "key"), [("median", "median"), ("asha", "asha"), ("hyperband", "asha"), ("none", None)]
)
def test_a_pruner_that_never_looks_is_said(llama: Path, pruner: str, key: str | None) -> None:
    search = {"pruner": pruner, "space": {}, "asha": {"grace_steps": 20}, "median": {"grace_steps": 20}}
    plan = build_search_space(request(llama, search=search, train={"max_steps": 20}))
    found = [warning for warning in plan.warnings if "nothing is pruned" in warning]
    assert [warning.split()[0] for warning in found] == ([] if key is None else [f"search.{key}.grace_steps"])
    fewer = {**search, "asha": {"grace_steps": 19}, "median": {"grace_steps": 19}}
    plan = build_search_space(request(llama, search=fewer, train={"max_steps": 20}))
    assert "nothing is pruned" not in "\n".join(plan.warnings)
