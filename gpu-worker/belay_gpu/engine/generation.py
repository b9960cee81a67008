"""Greedy answers to the prompts of a split."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import (
    GenerationConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    StoppingCriteria,
    StoppingCriteriaList,
)

from belay_gpu.data.batches import prompt_batch
from belay_gpu.data.tokenised import TokenisedSplit
from belay_gpu.engine.protocol import GenerationRequest

# Enough of the tail to hold a stop text, however it was cut into tokens.
TAIL_TOKENS = 16


class _StopText(StoppingCriteria):
    def __init__(self, tokenizer: PreTrainedTokenizerBase, text: str, prompt_width: int) -> None:
        self.tokenizer, self.text, self.prompt_width = tokenizer, text, prompt_width

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:  # type: ignore[override]
        start = max(self.prompt_width, input_ids.shape[1] - max(TAIL_TOKENS, len(self.text)))
        tails = self.tokenizer.batch_decode(input_ids[:, start:], skip_special_tokens=True)
        return torch.tensor([self.text in tail for tail in tails], device=input_ids.device)


def generate_batch(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    split: TokenisedSplit,
    rows: Sequence[int],
    request: GenerationRequest,
) -> dict[int, str]:
    """Answers to these rows' prompts, by row. Prompts are left-padded, so rows of like length belong
    together.
    """
    ids, mask = prompt_batch(split, rows, model.device)
    config = GenerationConfig(
        max_new_tokens=request.max_new_tokens,
        do_sample=False,
        num_beams=1,
        pad_token_id=split.info.pad_token_id,
        eos_token_id=split.info.eos_token_id,
        bos_token_id=model.config.bos_token_id,
    )
    stopping = StoppingCriteriaList(
        [_StopText(tokenizer, request.stop, ids.shape[1])] if request.stop else []
    )
    with torch.no_grad():
        output: Any = model.generate(  # type: ignore[operator]
            input_ids=ids, attention_mask=mask, generation_config=config, stopping_criteria=stopping
        )
    answers = tokenizer.batch_decode(output[:, ids.shape[1] :], skip_special_tokens=True)
    return dict(zip(rows, answers, strict=True))
