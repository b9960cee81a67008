"""Loading a frozen base: safetensors only, no remote code, one clear line for what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import torch
from huggingface_hub import hf_hub_download, is_offline_mode
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from belay_gpu.engine.errors import EngineError, first_line
from belay_gpu.engine.hub_failures import chain, hub_failure
from belay_gpu.engine.model_folder import OWN_CODE, check_folder
from belay_gpu.engine.quantisation import check_quantises
from belay_gpu.engine.seeds import seeded
from belay_gpu.engine.spec import BaseSpec
from belay_gpu.engine.unfilled import check_filled

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}

# What a base draws itself (rows of added tokens, the head of a classifier) is the same in every process.
BASE_SEED = 0

# What transformers raises, or lets pass, where files are missing, damaged, or cannot be fetched.
UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    ImportError,
    SafetensorError,
    StrictDataclassError,
    httpx2.HTTPError,
)


@dataclass
class LoadedBase:
    """A base in memory. `new_modules`: parts whose weights were not in the files, such as a classifier's
    head.
    """

    spec: BaseSpec
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase | None
    new_modules: list[str]
    device: torch.device


def compute_dtype(spec: BaseSpec, device: torch.device) -> torch.dtype:
    if spec.dtype == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    return DTYPES[spec.dtype]


def load_tokenizer(spec: BaseSpec) -> PreTrainedTokenizerBase | None:
    """The base's tokenizer with the added tokens; None where the base has none.

    Raises:
        EngineError: ModelUnavailable where it needs code of its own, the hub refuses, or tokens are to be
            added and there is no tokenizer; StorageUnavailable while the hub does not answer.
    """
    try:
        tokenizer = AutoTokenizer.from_pretrained(spec.model, revision=spec.revision, trust_remote_code=False)
    except (*UNREADABLE, TypeError) as error:
        if known := _known_failure(spec, error) or _hub_trouble(spec):
            raise known from error
        if spec.added_tokens:
            raise unavailable(spec, error, "its tokenizer cannot be read: ") from error
        return None
    if spec.added_tokens:
        tokenizer.add_tokens(list(spec.added_tokens))
    return tokenizer


def load_base(spec: BaseSpec, device: torch.device, dtype: torch.dtype | None = None) -> LoadedBase:
    """Loads the base, frozen and in evaluation mode.

    Args:
        spec: which base.
        device: where to.
        dtype: overrides the spec's, for a merge in full precision.

    Raises:
        EngineError: ModelUnavailable, Unsupported or DoesNotFit; StorageUnavailable while the hub does not
            answer.
    """
    if spec.load_in_4bit and device.type != "cuda":
        raise EngineError(
            "Unsupported", "load_in_4bit needs a CUDA device; set it to false or place the run on a GPU"
        )
    if spec.load_in_4bit:
        check_quantises()
    check_folder(spec)
    try:
        with seeded(BASE_SEED, device):
            model, info = _from_pretrained(spec, device, dtype or compute_dtype(spec, device))
            check_filled(spec, model, info)
            tokenizer = load_tokenizer(spec)
            if spec.added_tokens and tokenizer is not None:
                _widen_embeddings(model, len(tokenizer))
    except torch.cuda.OutOfMemoryError as error:
        raise EngineError(
            "DoesNotFit", f"model {spec.model} does not fit {device}: {first_line(error)}"
        ) from error
    except UNREADABLE as error:
        raise unavailable(spec, error) from error
    model.requires_grad_(False)
    model.eval()
    if tokenizer is not None:
        _set_padding(spec, model, tokenizer)
    missing = sorted({name.rpartition(".")[0] for name in info["missing_keys"]})
    return LoadedBase(spec, model, tokenizer, missing, device)


def _set_padding(spec: BaseSpec, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Tells the model the token that rows are padded with: the tokenizer's, else its end of sequence.

    A decoder that classifies takes the last token that is not padding by the config, which may name another
    token than the tokenizer does; a language model needs it only where its config names none.
    """
    padding: Any = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    if spec.task == "sequence_classification":
        # Rows of a tokenizer that has neither are padded with token 0.
        for config in (model.config, model.config.get_text_config()):
            config.pad_token_id = 0 if padding is None else padding
    elif model.config.pad_token_id is None:
        model.config.pad_token_id = padding


def _from_pretrained(
    spec: BaseSpec, device: torch.device, dtype: torch.dtype
) -> tuple[PreTrainedModel, dict[str, Any]]:
    options: dict[str, Any] = {
        "revision": spec.revision,
        "dtype": dtype,
        "trust_remote_code": False,
        "use_safetensors": True,
        "output_loading_info": True,
        # Told in `info` instead: the error names no weight.
        "ignore_mismatched_sizes": True,
    }
    if spec.load_in_4bit:
        from transformers import BitsAndBytesConfig

        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_compute_dtype=dtype,
            bnb_4bit_use_double_quant=True,
        )
        options["device_map"] = {"": device}
    if spec.task == "sequence_classification":
        names = dict(enumerate(spec.class_names))
        options |= {
            "num_labels": len(names),
            "id2label": names,
            "label2id": {name: i for i, name in names.items()},
        }
        loader: Any = AutoModelForSequenceClassification
    else:
        loader = AutoModelForCausalLM
    try:
        model, info = loader.from_pretrained(spec.model, **options)
    except RuntimeError as error:
        # Raised for tensors that should become one, as a mixture's experts do, and cannot.
        if "conversion of the weights" not in str(error):
            raise
        raise EngineError(
            "ModelUnavailable",
            f"model {spec.model}: its weights do not fit the architecture of its config.json; some that "
            "belong together, such as the experts of a layer, have different shapes",
        ) from error
    return (model if spec.load_in_4bit else model.to(device)), info


def _widen_embeddings(model: PreTrainedModel, size: int) -> None:
    """Rows for added tokens start as the mean of the others."""
    before = _weight(model.get_input_embeddings()).shape[0]
    if size <= before:
        return
    model.resize_token_embeddings(size, mean_resizing=False)
    modules = [module for module in (model.get_input_embeddings(), model.get_output_embeddings()) if module]
    with torch.no_grad():
        # Tied embeddings are one tensor; the second pass then writes what is there already.
        for weight in map(_weight, modules):
            weight[before:] = weight[:before].float().mean(0).to(weight.dtype)


def _weight(module: nn.Module) -> torch.Tensor:
    weight = module.weight
    assert isinstance(weight, torch.Tensor)
    return weight


def unavailable(spec: BaseSpec, error: Exception, what: str = "") -> EngineError:
    """Why files of the base could not be read, as one clear line. `what` comes before an error that must
    speak for itself.
    """
    known = _known_failure(spec, error)
    return known or EngineError("ModelUnavailable", f"model {spec.model}: {what}{first_line(error)}")


def _known_failure(spec: BaseSpec, error: Exception) -> EngineError | None:
    if any("trust_remote_code" in str(link) for link in chain(error)):
        return EngineError("ModelUnavailable", f"model {spec.model}: {OWN_CODE}")
    for link in chain(error):
        if isinstance(link, StrictDataclassError):
            line = " ".join(str(link).split())
            return EngineError("ModelUnavailable", f"model {spec.model}: its config.json is wrong: {line}")
    return hub_failure(spec, error)


def _hub_trouble(spec: BaseSpec) -> EngineError | None:
    """Asks the hub itself why no tokenizer was found: what could not be fetched transformers takes for
    missing, and a config that needs code of its own it passes over.
    """
    if Path(spec.model).is_dir() or is_offline_mode():
        return None
    asked = (
        lambda: hf_hub_download(spec.model, "tokenizer.json", revision=spec.revision),
        lambda: AutoConfig.from_pretrained(spec.model, revision=spec.revision, trust_remote_code=False),
    )
    for ask in asked:
        try:
            ask()
        except UNREADABLE as error:
            if known := _known_failure(spec, error):
                return known
    return None
