"""Greedy answers to the prompts of a split."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers import (
    GenerationConfig,
    PreTrainedConfig,
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
    together. An answer ends before the split's end-of-sequence token or one of the model's own, or where the
    model's positions end.
    """
    limit, rows_of = position_limit(model.config), defaultdict[int, list[int]](list)
    for row in rows:
        # The last token of an answer is not read again, so it needs no position.
        room = request.max_new_tokens if limit is None else limit + 1 - int(split.prompt_lengths[row])
        rows_of[min(room, request.max_new_tokens)].append(row)
    # A batch moves on until its last row has ended, so rows with less room are in batches of their own.
    answers: dict[int, str] = {}
    for new_tokens, members in rows_of.items():
        answers |= _generate(model, tokenizer, split, members, new_tokens, request.stop)
    return answers


def _generate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    split: TokenisedSplit,
    rows: Sequence[int],
    new_tokens: int,
    stop: str | None,
) -> dict[int, str]:
    ids, mask = prompt_batch(split, rows, model.device)
    ends = end_tokens(split.info.eos_token_id, model.generation_config)
    config = GenerationConfig(
        max_new_tokens=new_tokens,
        do_sample=False,
        num_beams=1,
        pad_token_id=split.info.pad_token_id,
        eos_token_id=ends or None,
        bos_token_id=model.config.bos_token_id,
    )
    stopping = StoppingCriteriaList([_StopText(tokenizer, stop, ids.shape[1])] if stop else [])
    with torch.no_grad(), _no_defaults(model):
        output: Any = model.generate(  # type: ignore[operator]
            input_ids=ids, attention_mask=mask, generation_config=config, stopping_criteria=stopping
        )
    answers = [_until_end(answer, ends) for answer in output[:, ids.shape[1] :].tolist()]
    return dict(zip(rows, tokenizer.batch_decode(answers, skip_special_tokens=True), strict=True))


def cache_bytes(model: PreTrainedModel) -> int:
    """Bytes by which the cache of keys and values grows with each token."""
    text = model.config.get_text_config()
    width, heads = text.hidden_size, getattr(text, "num_key_value_heads", None)
    if isinstance(heads, int):
        width = heads * (getattr(text, "head_dim", None) or width // text.num_attention_heads)
    return 2 * text.num_hidden_layers * width * model.dtype.itemsize


def position_limit(config: PreTrainedConfig) -> int | None:
    """Tokens that a model takes at once by its configuration; None where that does not say. Beyond it, a
    table of learned positions has no entry.
    """
    text = config.get_text_config()
    limits = [getattr(text, key, None) for key in ("max_position_embeddings", "n_positions")]
    return min((limit for limit in limits if isinstance(limit, int) and limit > 0), default=None)


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
