"""What a generated answer is compared with: what a model says that has learnt its rows to perfection."""

from __future__ import annotations

from collections.abc import Container, Mapping
from itertools import takewhile

from huggingface_hub import is_offline_mode
from transformers import AutoConfig, GenerationConfig, PreTrainedTokenizerBase

from belay_gpu.contracts import ModelSpec
from belay_gpu.engine.base_model import UNREADABLE, unavailable
from belay_gpu.engine.generation import end_tokens
from belay_gpu.engine.hub_failures import hub_failure
from belay_gpu.engine.spec import BaseSpec
from belay_gpu.skills.dataset.encoding import Encoded
from belay_gpu.skills.dataset.rendering import Rendered


def expected_answers(
    rendered: Mapping[int, Rendered],
    whole: Mapping[int, Encoded],
    model: ModelSpec,
    tokenizer: PreTrainedTokenizerBase,
) -> dict[int, str]:
    """By row number, the answer that is expected to each row's prompt.

    A template may put text before an answer, and a model learns to write that as well: of a templated row all
    that is learnt behind the prompt is expected, up to its end and decoded as what is generated is.

    Args:
        rendered: the rows as text.
        whole: the rows as tokens, nothing cut.
        model: the base.
        tokenizer: of the base.

    Raises:
        EngineError: as `answer_ends`.
    """
    expected = {row: one.completion for row, one in rendered.items()}
    templated = [row for row, one in whole.items() if rendered[row].is_templated and one.prompt_length]
    if templated:
        ends = answer_ends(model, tokenizer)
        expected |= {row: _learnt(whole[row], tokenizer, ends) for row in templated}
    return expected


def _learnt(row: Encoded, tokenizer: PreTrainedTokenizerBase, ends: Container[int]) -> str:
    learnt = takewhile(lambda token: token not in ends, row.ids[row.prompt_length :].tolist())
    return str(tokenizer.decode(list(learnt), skip_special_tokens=True))


def answer_ends(model: ModelSpec, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Tokens before which the engine ends an answer: the tokenizer's end of sequence, and the base's own.

    Raises:
        EngineError: as `unavailable`, where the hub cannot be asked.
    """
    base = BaseSpec(model.model_name_or_path, model.revision)
    try:
        defaults = GenerationConfig.from_pretrained(base.model, revision=base.revision or "main")
    except UNREADABLE as error:
        # Without the hub, what the cache lacks is not there for the engine either.
        if (trouble := hub_failure(base, error)) and not is_offline_mode():
            raise trouble from error
        # A base need not bring any; transformers then goes by its config.
        try:
            config = AutoConfig.from_pretrained(base.model, revision=base.revision, trust_remote_code=False)
        except UNREADABLE as unreadable:
            raise unavailable(base, unreadable) from unreadable
        defaults = GenerationConfig.from_model_config(config)
    eos = tokenizer.eos_token_id
    return end_tokens(eos if isinstance(eos, int) else None, defaults)
