"""What the base's own files say about the data it takes, without its weights."""

from __future__ import annotations

from typing import Any

from transformers import AutoConfig, PreTrainedTokenizerBase

from belay_gpu.canonical import sha256_bytes
from belay_gpu.contracts import DatasetSpec, ModelSpec, Task
from belay_gpu.engine.base_model import UNREADABLE, load_tokenizer, unavailable
from belay_gpu.engine.generation import position_limit
from belay_gpu.engine.model_folder import check_folder
from belay_gpu.engine.spec import BaseSpec
from belay_gpu.skills.failures import SkillError


def read_tokenizer(task: Task, model: ModelSpec, dataset: DatasetSpec) -> PreTrainedTokenizerBase:
    """The base's tokenizer, with the added tokens.

    Raises:
        EngineError: ModelUnavailable; StorageUnavailable while the hub does not answer.
    """
    name = model.model_name_or_path
    spec = BaseSpec(name, model.revision, task=task, added_tokens=tuple(dataset.add_tokens))
    check_folder(spec)
    tokenizer = load_tokenizer(spec)
    if tokenizer is None:
        raise SkillError(
            "ModelUnavailable", f"model {name}: no tokenizer can be read; it needs a tokenizer.json"
        )
    if not tokenizer.is_fast:
        raise SkillError(
            "ModelUnavailable", f"model {name}: its tokenizer has no fast version (tokenizer.json)"
        )
    if task == "causal_lm" and tokenizer.eos_token_id is None:
        raise SkillError("ModelUnavailable", f"model {name}: its tokenizer names no eos_token to be taught")
    return tokenizer


def longest_sequence(model: ModelSpec, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Tokens that the base takes at once; None where its files do not say.

    Raises:
        EngineError: ModelUnavailable; StorageUnavailable while the hub does not answer.
    """
    name = model.model_name_or_path
    try:
        config: Any = AutoConfig.from_pretrained(name, revision=model.revision, trust_remote_code=False)
    except UNREADABLE as error:
        raise unavailable(
            BaseSpec(name, model.revision), error, "its config.json cannot be read: "
        ) from error
    # A tokenizer without a limit says so with a huge number.
    of_tokenizer = tokenizer.model_max_length if tokenizer.model_max_length < 1 << 30 else None
    return min((limit for limit in (position_limit(config), of_tokenizer) if limit), default=None)


def tokenizer_sha256(tokenizer: PreTrainedTokenizerBase) -> str:
    """Hash of vocabulary, rules and added tokens."""
    inner: Any = tokenizer
    return sha256_bytes(inner.backend_tokenizer.to_str().encode())
