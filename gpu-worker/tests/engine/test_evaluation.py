"""Scores, generation, classification and baselines."""

from __future__ import annotations

import json
import math
import shutil
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer

from belay_gpu.engine.baselines import majority_metrics, probe_metrics
from belay_gpu.engine.metrics import classification_metrics, language_metrics, normalise, word_f1
from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.protocol import EvalRequest, GenerationRequest, StepResult
from belay_gpu.engine.spec import BaseSpec, LoraParams, SlotSpec, TrainParams
from tests.support.tiny import EOS, WORDS, class_task, copy_task, save_bert, save_llama
from tests.support.walk import finish

CPU = torch.device("cpu")
SPEC = SlotSpec(LoraParams(r=4, lora_alpha=8), TrainParams(1e-2, 8, 1, seed=5), 60)


def train(engine: PeftEngine, slot: str, steps: int) -> None:
    for _ in range(steps):
        assert isinstance(engine.step([slot])[slot], StepResult)


def test_loss_of_the_base_is_that_of_transformers_row_by_row(llama: Path, engine: PeftEngine) -> None:
    data = copy_task(13, split="test", seed=3)
    result = finish(engine.evaluate(None, data, EvalRequest(5)))
    model = AutoModelForCausalLM.from_pretrained(llama)
    for row, example in enumerate(result.examples):
        ids, labels = (torch.from_numpy(part.astype("int64")) for part in data.row(row))
        logits = model(input_ids=ids[None]).logits[0, :-1]
        loss = functional.cross_entropy(logits, labels[1:], ignore_index=-100)
        assert example["loss"] == pytest.approx(loss.item(), rel=1e-5)
        assert example["tokens"] == 4
        assert example["correct"] == int((logits.argmax(-1) == labels[1:]).sum())
    mean = sum(e["loss"] * e["tokens"] for e in result.examples) / sum(e["tokens"] for e in result.examples)
    size = sum(e["bytes"] for e in result.examples)
    assert result.metrics["eval_loss"] == pytest.approx(mean)
    assert result.metrics["perplexity"] == pytest.approx(math.exp(mean))
    assert result.metrics["bits_per_byte"] == pytest.approx(mean * 4 * 13 / math.log(2) / size)


def test_batch_size_and_order_do_not_change_scores(engine: PeftEngine) -> None:
    data = copy_task(11)
    one, many = (finish(engine.evaluate(None, data, EvalRequest(size))) for size in (1, 11))
    assert [e["loss"] for e in one.examples] == pytest.approx([e["loss"] for e in many.examples], rel=1e-5)


@pytest.mark.parametrize("stop", [None, "w7"])
def test_generation_equals_one_row_at_a_time_without_padding(
    llama: Path, engine: PeftEngine, stop: str | None
) -> None:
    data = copy_task(9, split="test", seed=4)
    engine.admit("a", SPEC, copy_task(64))
    train(engine, "a", 40)
    request = EvalRequest(4, GenerationRequest(max_new_tokens=6, stop=stop))
    result = finish(engine.evaluate("a", data, request))
    tokenizer = AutoTokenizer.from_pretrained(llama)
    engine._adapters._wrapped.set_adapter(engine._slots["a"].name)
    for sample, row in zip(result.samples, range(9), strict=False):
        prompt = torch.from_numpy(data.row(row)[0][: data.prompt_lengths[row]].astype("int64"))[None]
        output = engine._adapters._wrapped.generate(
            input_ids=prompt, max_new_tokens=6, do_sample=False, eos_token_id=1, pad_token_id=0
        )
        text = tokenizer.decode(output[0, prompt.shape[1] :], skip_special_tokens=True)
        assert sample["got"] == normalise(text, stop, False)
        assert sample["expected"] == normalise(data.completions[row], stop, False)
    shares = [example["exact_match"] for example in result.examples]
    assert result.metrics["exact_match"] == sum(shares) / 9
    assert result.metrics["f1"] >= result.metrics["exact_match"]


def greedy(folder: Path) -> tuple[list[str], dict[str, Any]]:
    """Answers to nine prompts, and what the folder's generation_config.json says after it all."""
    engine, data = PeftEngine(BaseSpec(str(folder)), CPU), copy_task(9, split="test", seed=4)
    result = finish(engine.evaluate(None, data, EvalRequest(4, GenerationRequest(max_new_tokens=8))))
    return [
        sample["got"] for sample in result.samples
    ], engine._adapters.base.model.generation_config.to_dict()


def test_greedy_is_greedy_whatever_the_models_generation_config_says(tmp_path: Path) -> None:
    base = save_llama(tmp_path / "base", tied=False)
    plain, _ = greedy(base)
    words = [answer.split() for answer in plain]
    assert any(len(set(answer)) < len(answer) for answer in words), "a penalty of repetitions would be seen"
    end = words[0][3]
    assert end not in words[0][:3]
    inherited = {
        "repetition_penalty": 5.0,
        "no_repeat_ngram_size": 1,
        "min_new_tokens": 8,
        "forced_eos_token_id": EOS,
        "suppress_tokens": [2 + WORDS.index(word) for word in words[0]],
        "begin_suppress_tokens": [2 + WORDS.index(words[1][0])],
        "bad_words_ids": [[2 + WORDS.index(words[2][0])]],
        "sequence_bias": [[[2 + WORDS.index("w9")], 100.0]],
        "prompt_lookup_num_tokens": 3,
        "stop_strings": [words[0][0]],
        "num_beams": 3,
        "do_sample": True,
        "temperature": 2.0,
        "eos_token_id": [EOS, 2 + WORDS.index(end)],
    }
    folder = shutil.copytree(base, tmp_path / "instruct")
    (folder / "generation_config.json").write_text(json.dumps(inherited))
    answers, after = greedy(folder)
    assert answers == [" ".join(takewhile(lambda word: word != end, answer)) for answer in words]
    assert {name: after[name] for name in inherited} == inherited, "a merged model keeps its defaults"


def test_plain_text_has_no_exact_match(engine: PeftEngine) -> None:
    data = copy_task(4)
    data.prompt_lengths[:] = 0
    result = finish(engine.evaluate(None, data, EvalRequest(4, GenerationRequest(4))))
    assert "exact_match" not in result.metrics
    assert "eval_loss" in result.metrics


def test_an_adapter_full_of_nan_is_diverged_and_has_no_metrics(engine: PeftEngine) -> None:
    engine.admit("a", SPEC, copy_task(8))
    for _, parameter in engine._slots["a"].named:
        parameter.data.fill_(float("nan"))
    result = finish(engine.evaluate("a", copy_task(4), EvalRequest(2)))
    assert result.diverged
    assert result.metrics == {}
    assert result.examples == []


@pytest.fixture(scope="module", params=["bert", "llama"])
def classifier(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> BaseSpec:
    folder = tmp_path_factory.mktemp(request.param)
    save = save_bert if request.param == "bert" else save_llama
    return BaseSpec(str(save(folder)), task="sequence_classification", class_names=("c0", "c1", "c2"))


def test_a_classifier_learns_and_beats_the_majority(classifier: BaseSpec) -> None:
    engine, held_out = PeftEngine(classifier, CPU), class_task(40, split="test", seed=9)
    rows = class_task(120)
    engine.admit("a", SPEC, rows)
    train(engine, "a", 60)
    result = finish(engine.evaluate("a", held_out, EvalRequest(16)))
    majority = majority_metrics(rows, held_out)
    assert result.metrics["accuracy"] > majority["accuracy"] + 0.2
    assert result.metrics["macro_f1"] > majority["macro_f1"] + 0.2
    assert sum(e["accuracy"] for e in result.examples) / 40 == pytest.approx(result.metrics["accuracy"])
    before = finish(engine.evaluate(None, held_out, EvalRequest(16))).metrics
    probe = probe_metrics(engine, rows, held_out, 16)
    assert probe["accuracy"] > majority["accuracy"]
    assert finish(engine.evaluate(None, held_out, EvalRequest(16))).metrics == before


def test_each_trial_draws_its_own_head(classifier: BaseSpec) -> None:
    from dataclasses import replace

    from safetensors.torch import load

    engine = PeftEngine(classifier, CPU)
    other = replace(SPEC, train=replace(SPEC.train, seed=6))
    heads = []
    for name, spec in (("a", SPEC), ("b", other), ("c", SPEC)):
        engine.admit(name, spec, class_task(12))
        weights = load(engine.snapshot(name).adapter)
        heads.append(
            next(
                tensor
                for key, tensor in weights.items()
                if "classifier.weight" in key or "score.weight" in key
            )
        )
    assert torch.equal(heads[0], heads[2])
    assert not torch.equal(heads[0], heads[1])


def test_metrics_by_hand() -> None:
    assert classification_metrics([0, 0, 1, 2], [0, 1, 1, 1])["accuracy"] == 0.5
    assert classification_metrics([0, 0, 1, 2], [0, 1, 1, 1])["macro_f1"] == pytest.approx(
        (2 / 3 + 0.5 + 0) / 3
    )
    assert word_f1("a b c", "a b d") == pytest.approx(2 / 3)
    assert word_f1("", "") == 1.0
    assert word_f1("a", "") == 0.0
    assert normalise(" pay ( to = x )\nmore", "\n", True) == "pay(to=x)"
    huge = language_metrics([1e6], [1.0], [0.0], [4])
    assert "perplexity" not in huge
    assert language_metrics([], [], [], []) == {}
    assert not np.isnan(list(huge.values())).any()
