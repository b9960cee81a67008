"""Evaluation takes little memory whatever the rows are, and how it is cut changes no score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import Cohere2Config, Cohere2ForCausalLM, Gemma2Config, Gemma2ForCausalLM, PreTrainedModel

from belay_gpu.data.batches import row_batch
from belay_gpu.engine import generation, loss, scoring
from belay_gpu.engine.loss import row_scores
from belay_gpu.engine.passes import BODY_BYTES, HEAD_BYTES, LOGIT_BYTES, rows_that_fit, scoring_bytes
from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.protocol import EvalRequest, GenerationRequest
from tests.support.tiny import VOCAB, copy_task
from tests.support.walk import finish

CPU = torch.device("cpu")
SHAPE: dict[str, Any] = {
    "vocab_size": VOCAB,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 1,
}


def capped() -> PreTrainedModel:
    return Gemma2ForCausalLM(Gemma2Config(**SHAPE, head_dim=16, final_logit_softcapping=0.5)).eval()


def scaled() -> PreTrainedModel:
    return Cohere2ForCausalLM(Cohere2Config(**SHAPE, logit_scale=0.1)).eval()


@pytest.fixture
def heads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Positions of each slice whose logits are computed, three at most."""
    monkeypatch.setattr(loss, "HEAD_BYTES", 3 * VOCAB * LOGIT_BYTES)
    sizes: list[int] = []
    real = loss.logits_at

    def logits_at(*arguments: Any) -> torch.Tensor:
        logits = real(*arguments)
        sizes.append(logits.shape[0])
        return logits

    monkeypatch.setattr(loss, "logits_at", logits_at)
    return sizes


@pytest.mark.parametrize("build", [capped, scaled])
def test_slices_of_positions_give_what_the_models_own_forward_gives(
    heads: list[int], build: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    model, batch = build(), row_batch(copy_task(5), list(range(5)), CPU)
    bodies: list[object] = []
    layer: nn.Module = model.base_model.layers[0]
    layer.register_forward_hook(lambda *_: bodies.append(1))
    sliced = row_scores(model, batch)
    assert heads == [3, 3, 3, 3, 3, 3, 2], "20 label tokens"
    assert len(bodies) == 1, "the body computes once"
    monkeypatch.setattr(loss, "HEAD_BYTES", HEAD_BYTES)
    whole = row_scores(model, batch)
    assert heads[-1] == 20
    assert len(bodies) == 2, "and again for the next batch"
    assert sliced["loss_sum"] == pytest.approx(whole["loss_sum"], abs=1e-6)
    assert (sliced["tokens"], sliced["correct"]) == (whole["tokens"], whole["correct"])


def test_a_failure_within_a_slice_leaves_the_model_as_it_was(
    heads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, batch = capped(), row_batch(copy_task(5), list(range(5)), CPU)
    with monkeypatch.context() as patch:
        patch.setattr(model.lm_head, "forward", lambda _: torch.zeros(1, 2))
        with pytest.raises((RuntimeError, ValueError, IndexError)):
            row_scores(model, batch)
    assert "forward" not in vars(model.base_model)
    assert row_scores(model, batch)["tokens"] == [4.0] * 5


def batches(engine: PeftEngine, monkeypatch: pytest.MonkeyPatch) -> tuple[list[int], list[int]]:
    """Rows of each batch that is scored, and of each that is answered."""
    scored: list[int] = []
    answered: list[int] = []

    def row_scores(model: Any, batch: Any) -> dict[str, list[float]]:
        scored.append(len(batch.input_ids))
        return loss.row_scores(model, batch)

    def generate_batch(*arguments: Any) -> dict[int, str]:
        answered.append(len(arguments[3]))
        return generation.generate_batch(*arguments)

    monkeypatch.setattr(scoring, "row_scores", row_scores)
    monkeypatch.setattr(scoring, "generate_batch", generate_batch)
    result = finish(engine.evaluate(None, copy_task(10), EvalRequest(4, GenerationRequest(2))))
    assert [example["tokens"] for example in result.examples] == [4] * 10
    return scored, answered


def test_batches_of_a_small_model_are_as_large_as_asked_for(
    engine: PeftEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert batches(engine, monkeypatch) == ([4, 4, 2], [4, 4, 2])


def test_a_batch_is_cut_where_it_would_take_too_much(
    engine: PeftEngine, monkeypatch: pytest.MonkeyPatch, llama: Path
) -> None:
    lengths = sorted(copy_task(10).lengths.tolist())
    with engine.bare() as model:
        each = BODY_BYTES // loss.pass_tokens(model)
    monkeypatch.setattr(loss, "BODY_BYTES", 2 * lengths[-1] * each)
    scored, answered = batches(engine, monkeypatch)
    assert sum(scored) == sum(answered) == 10
    assert max(scored) in (2, 3), "more rows of fewer tokens"
    assert max(answered) <= max(scored), "a cache of keys and values grows beside"
    monkeypatch.setattr(loss, "BODY_BYTES", 1)
    assert batches(engine, monkeypatch) == ([1] * 10, [1] * 10)


def test_rows_fit_by_their_padded_length() -> None:
    assert rows_that_fit([1, 1, 1, 10], 12) == 3
    assert rows_that_fit([5, 5, 5, 5], 20) == 4
    assert rows_that_fit([50], 20) == 1


def test_what_scoring_takes_is_bounded() -> None:
    qwen = {"hidden": 1024, "width": 2, "vocabulary": 151_936}
    small = scoring_bytes(1, 32, labels=32, **qwen)
    assert small < 100 << 20
    assert scoring_bytes(32, 2048, labels=32 * 2048, **qwen) == BODY_BYTES + HEAD_BYTES
