"""What a generated answer is compared with: what a model says that has learnt its rows to perfection."""

from __future__ import annotations

from collections.abc import Container
from itertools import takewhile

from transformers import AutoConfig, GenerationConfig, PreTrainedTokenizerBase

from belay_gpu.contracts import ModelSpec
from belay_gpu.engine.base_model import UNREADABLE, unavailable
from belay_gpu.engine.generation import end_tokens
from belay_gpu.engine.hub_failures import hub_failure
from belay_gpu.engine.spec import BaseSpec
from belay_gpu.skills.dataset.encoding import Encoded
from belay_gpu.skills.dataset.rendering import Rendered


def answer_ends(model: ModelSpec, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Tokens before which the engine ends an answer: the tokenizer's end of sequence, and the base's own.

    Raises:
        EngineError: as `unavailable`, where the hub cannot be asked.
    """
    base = BaseSpec(model.model_name_or_path, model.revision)
    try:
        defaults = GenerationConfig.from_pretrained(base.model, revision=base.revision or "main")
    except UNREADABLE as error:
        if trouble := hub_failure(base, error):
            raise trouble from error
        # A base need not bring any; transformers then goes by its config.
        try:
            config = AutoConfig.from_pretrained(base.model, revision=base.revision, trust_remote_code=False)
        except UNREADABLE as unreadable:
            raise unavailable(base, unreadable) from unreadable
        defaults = GenerationConfig.from_model_config(config)
    eos = tokenizer.eos_token_id
    return end_tokens(eos if isinstance(eos, int) else None, defaults)


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
