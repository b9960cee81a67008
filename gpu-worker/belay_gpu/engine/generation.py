"""Greedy answers to the prompts of a split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
    together. An answer ends before the split's end-of-sequence token or one of the model's own.
    """
    ids, mask = prompt_batch(split, rows, model.device)
    ends = end_tokens(split.info.eos_token_id, model.generation_config)
    config = GenerationConfig(
        max_new_tokens=request.max_new_tokens,
        do_sample=False,
        num_beams=1,
        pad_token_id=split.info.pad_token_id,
        eos_token_id=ends or None,
        bos_token_id=model.config.bos_token_id,
    )
    stopping = StoppingCriteriaList(
        [_StopText(tokenizer, request.stop, ids.shape[1])] if request.stop else []
    )
    with torch.no_grad(), _no_defaults(model):
        output: Any = model.generate(  # type: ignore[operator]
            input_ids=ids, attention_mask=mask, generation_config=config, stopping_criteria=stopping
        )
    answers = [_until_end(answer, ends) for answer in output[:, ids.shape[1] :].tolist()]
    return dict(zip(rows, tokenizer.batch_decode(answers, skip_special_tokens=True), strict=True))


def end_tokens(of_tokenizer: int | None, defaults: GenerationConfig | None) -> list[int]:
    """Tokens at which an answer ends: an instruct model often ends a turn with another one than its
    tokenizer's end of sequence.
    """
    own: int | list[int] | None = defaults.eos_token_id if defaults else None
    named = [of_tokenizer, *(own if isinstance(own, list) else [own])]
    return sorted({token for token in named if isinstance(token, int)})


@contextmanager
def _no_defaults(model: PreTrainedModel) -> Iterator[None]:
    """Puts the model's generation defaults aside: `generate` fills in from them whatever its configuration
    leaves at None, and None is the only way to say "off" for suppressed, forced and forbidden tokens.
    """
    own, model.generation_config = model.generation_config, GenerationConfig()
    try:
        yield
    finally:
        model.generation_config = own


def _until_end(answer: list[int], ends: list[int]) -> list[int]:
    """Tokens before the first end: one that is not special in the tokenizer would be decoded as text."""
    return answer[: next((at for at, token in enumerate(answer) if token in ends), len(answer))]
