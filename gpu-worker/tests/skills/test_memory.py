"""How much memory a trial takes: base, adapter and optimizer, and the larger of a step and an evaluation."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch.profiler import ProfilerActivity, profile
from transformers import LlamaConfig, LlamaForCausalLM

from belay_gpu.data.batches import row_batch
from belay_gpu.engine.loss import loss_sum, row_scores
from belay_gpu.engine.passes import LOGIT_BYTES, scoring_bytes
from belay_gpu.skills.config import build_search_space
from belay_gpu.skills.config.memory import (
    LABEL_SPREAD,
    TRAINED_LOGIT_BYTES,
    TargetDevice,
    Workload,
    estimate,
)
from belay_gpu.skills.config.shape import ModelShape
from tests.skills.test_config import request
from tests.support.tiny import copy_task, save_llama

GPU = TargetDevice(cuda=True, memory_bytes=24 << 30)
QWEN = ModelShape("qwen3", 596_049_920, hidden=1024, layers=28, weights=())


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_llama(tmp_path_factory.mktemp("llama"))


def load(**changes: Any) -> Workload:
    plain: dict[str, Any] = {
        "batch": 2,
        "length": 1024,
        "labels": 1024.0,
        "eval_batch": 1,
        "eval_labels": 1024.0,
        "vocabulary": 151_936,
    }
    return Workload(**{**plain, **changes})


def activations(**changes: Any) -> int:
    return estimate(QWEN, 2, 10_000_000, load(**changes), GPU).activation_bytes


def test_the_parts_add_up(llama: Path) -> None:
    memory = build_search_space(request(llama)).memory
    assert memory.total_bytes == memory.base_bytes + memory.trial_bytes + memory.activation_bytes


def test_a_step_grows_with_batch_and_length() -> None:
    assert activations(batch=8) == 2 * activations(batch=4)
    assert activations(batch=4, length=2048, labels=2048.0) == activations(batch=8)


def test_logits_are_counted_where_labels_are() -> None:
    body = activations(vocabulary=0)
    assert activations() - body == 2 * 1024 * 151_936 * TRAINED_LOGIT_BYTES
    assert activations(labels=10.0) - body == 2 * LABEL_SPREAD * 10 * 151_936 * TRAINED_LOGIT_BYTES


def test_an_evaluation_counts_where_it_takes_more_than_a_step() -> None:
    step = activations(batch=1, length=64, eval_batch=1)
    assert activations(batch=1, length=64, eval_batch=32) > 2 * step
    most = scoring_bytes(32, 2048, 1024, 2, 32 * 2048, 151_936)
    assert activations(batch=1, length=2048, labels=1.0, eval_batch=32) == most
    assert activations(batch=1, length=2048, labels=1.0, eval_batch=320) == most, "it is cut"


def test_an_evaluation_that_is_too_large_is_named(llama: Path) -> None:
    small = build_search_space(request(llama, eval={"batch_size": 1})).memory
    large = build_search_space(request(llama, eval={"batch_size": 64})).memory
    assert large.activation_bytes > small.activation_bytes
    assert large.base_bytes == small.base_bytes


def peak_bytes(work: Callable[[], object]) -> int:
    """Most that tensors took at the same time, beyond what was there before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as found:
        work()
    assert found.profiler is not None and found.profiler.kineto_results is not None
    events = found.profiler.kineto_results.events()
    return max(accumulate(cast(Any, event).nbytes() for event in events if event.name() == "[memory]"))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_a_logit_takes_what_is_counted(dtype: torch.dtype) -> None:
    vocabulary, rows = 8192, 64
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
    )
    model = cast(torch.nn.Module, LlamaForCausalLM(config)).to(dtype)
    assert isinstance(model, LlamaForCausalLM)
    model.requires_grad_(False)
    model.model.layers.requires_grad_(True)
    batch = row_batch(copy_task(rows), list(range(rows)), torch.device("cpu"))
    places = rows * 4  # the vocabulary is far wider than all else
    trained = peak_bytes(lambda: loss_sum(model, batch).backward())
    assert trained / (places * vocabulary) == pytest.approx(TRAINED_LOGIT_BYTES, rel=0.05)
    scored = peak_bytes(lambda: row_scores(model, batch))
    assert scored / (places * vocabulary) == pytest.approx(LOGIT_BYTES, rel=0.05)
