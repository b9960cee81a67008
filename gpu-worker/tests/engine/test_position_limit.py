"""Answers end where the positions of the base do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BloomConfig, LlamaConfig

from belay_gpu.data.tokenised import IGNORED, SplitInfo, TokenisedSplit
from belay_gpu.engine.generation import position_limit
from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.protocol import EvalRequest, GenerationRequest
from belay_gpu.engine.spec import BaseSpec
from tests.support.tiny import EOS, PAD, VOCAB, save_gpt2
from tests.support.walk import finish

CPU = torch.device("cpu")
LIMIT = 64
NEW = 16


def prompts_of(lengths: list[int]) -> TokenisedSplit:
    """Random prompts of these lengths, each with the end of sequence as its answer."""
    rng = np.random.default_rng(2)
    rows = [np.append(rng.integers(2, VOCAB, length), EOS) for length in lengths]
    return TokenisedSplit(
        info=SplitInfo("causal_lm", "test", LIMIT, PAD, EOS),
        input_ids=np.concatenate(rows).astype(np.int32),
        labels=np.concatenate([[*[IGNORED] * length, EOS] for length in lengths]).astype(np.int32),
        row_offsets=np.cumsum([0, *(len(row) for row in rows)], dtype=np.int64),
        prompt_lengths=np.array(lengths, dtype=np.int32),
        completion_bytes=np.zeros(len(lengths), dtype=np.int32),
        row_ids=np.arange(len(lengths), dtype=np.int64),
        class_ids=None,
        prompts=[""] * len(lengths),
        completions=[""] * len(lengths),
    )


@pytest.mark.parametrize("batch_size", [1, 8])
def test_a_row_is_answered_up_to_the_last_position(tmp_path: Path, batch_size: int) -> None:
    lengths = [63, 63, 60, 52, 50, 49, 48, 5]
    data = prompts_of(lengths)
    engine = PeftEngine(BaseSpec(str(save_gpt2(tmp_path))), CPU)
    request = EvalRequest(batch_size, GenerationRequest(NEW))
    samples = finish(engine.evaluate(None, data, request)).samples
    model: Any = AutoModelForCausalLM.from_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert len(samples) == len(lengths)
    for row, sample in enumerate(samples):
        prompt = torch.from_numpy(data.row(row)[0][: lengths[row]].astype("int64"))[None]
        room = min(NEW, LIMIT + 1 - lengths[row])
        output = model.generate(input_ids=prompt, max_new_tokens=room, do_sample=False, pad_token_id=PAD)
        assert sample["got"] == tokenizer.decode(output[0, lengths[row] :], skip_special_tokens=True)


def test_what_a_configuration_says() -> None:
    assert position_limit(LlamaConfig(max_position_embeddings=128)) == 128
    assert position_limit(BloomConfig()) is None
