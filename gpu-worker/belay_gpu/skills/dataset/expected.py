"""What a generated answer is compared with: what a model says that has learnt its rows to perfection."""

from __future__ import annotations

from collections.abc import Container
from itertools import takewhile

from transformers import AutoConfig, GenerationConfig, PreTrainedTokenizerBase

from belay_gpu.contracts import ModelSpec
from belay_gpu.skills.dataset.encoding import Encoded
from belay_gpu.skills.dataset.rendering import Rendered


def end_tokens(model: ModelSpec, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Tokens before which the engine ends an answer: the tokenizer's end of sequence, and the base's own."""
    name, revision = model.model_name_or_path, model.revision
    try:
        defaults = GenerationConfig.from_pretrained(name, revision=revision or "main")
    except OSError:  # a base need not bring any
        config = AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=False)
        defaults = GenerationConfig.from_model_config(config)
    own: int | list[int] | None = defaults.eos_token_id
    named = [tokenizer.eos_token_id, *(own if isinstance(own, list) else [own])]
    return frozenset(token for token in named if isinstance(token, int))


def expected_answer(
    rendered: Rendered, whole: Encoded, tokenizer: PreTrainedTokenizerBase, ends: Container[int]
) -> str:
    """The answer that is expected to a row's prompt.

    A template may put text before an answer, and a model learns to write that as well: of a templated row all
    that is learnt behind the prompt is expected, up to its end and decoded as what is generated is.

    Args:
        rendered: the row as text.
        whole: the row as tokens, nothing cut.
        tokenizer: of the base.
        ends: tokens at which an answer ends.
    """
    if not (rendered.is_templated and whole.prompt_length):
        return rendered.completion
    learnt = takewhile(lambda token: token not in ends, whole.ids[whole.prompt_length :].tolist())
    return str(tokenizer.decode(list(learnt), skip_special_tokens=True))
