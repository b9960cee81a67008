"""One PEFT adapter of a slot: its configuration, its first weights, and its bytes in PEFT's own layout."""

from __future__ import annotations

from typing import Any

import torch
from peft import LoraConfig, PeftConfig, PeftModel, TaskType, get_peft_model_state_dict
from peft.utils.constants import EMBEDDING_LAYER_NAMES
from safetensors.torch import save
from torch import nn

from belay_gpu.canonical import readable_json
from belay_gpu.engine.architecture import (
    PEFT_HEADS,
    Architecture,
    all_linear,
    check_saved,
    check_targets,
    new_in_body,
)
from belay_gpu.engine.base_model import LoadedBase
from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.seeds import derive_seed
from belay_gpu.engine.spec import LoraParams

TASK_TYPES = {"causal_lm": TaskType.CAUSAL_LM, "sequence_classification": TaskType.SEQ_CLS}


def lora_config(base: LoadedBase, known: Architecture, params: LoraParams) -> LoraConfig:
    """PEFT's configuration for one slot.

    Raises:
        EngineError: InvalidSpec for a name that no module has; Unsupported where added tokens cannot be
            trained in a way that plain PEFT loads again.
    """
    check_saved(known, params.modules_to_save)
    saved = {*params.modules_to_save, *_parts(base, known)}
    tied = bool(base.spec.added_tokens) and known.tied
    if base.spec.added_tokens:
        if tied:
            _check_tie(base, known)
        saved |= set(known.embeddings[:1] if tied else known.embeddings)
    if params.target_modules == "all-linear":
        targets = all_linear(known, saved | set(known.heads))
    else:
        check_targets(known, params.target_modules)
        targets = sorted(params.target_modules)
    return LoraConfig(
        task_type=TASK_TYPES[base.spec.task],
        base_model_name_or_path=base.spec.model,
        revision=base.spec.revision,
        r=params.r,
        lora_alpha=params.lora_alpha,  # type: ignore[arg-type]  # PEFT divides by it, nothing more
        lora_dropout=params.lora_dropout,
        target_modules=targets,
        modules_to_save=sorted(saved) or None,
        init_lora_weights=params.init_lora_weights,
        use_rslora=params.use_rslora,
        use_dora=params.use_dora,
        ensure_weight_tying=tied,
        fan_in_fan_out=known.transposed,
        bias="none",
    )


def _parts(base: LoadedBase, known: Architecture) -> list[str]:
    """What a classifier trains whole: that beside the body, and what no file holds of the body."""
    if base.spec.task != "sequence_classification":
        return []
    return [*known.beside, *new_in_body(known, base.new_modules)]


def _check_tie(base: LoadedBase, known: Architecture) -> None:
    """PEFT ties, on loading, only what it knows by these names."""
    if not any(name.rpartition(".")[2] in EMBEDDING_LAYER_NAMES for name in known.embeddings):
        raise EngineError(
            "Unsupported",
            f"dataset.add_tokens: in {base.spec.model} {' and '.join(known.embeddings)} are one tensor, "
            f"which PEFT keeps only where a name of it is {' or '.join(EMBEDDING_LAYER_NAMES)}; use a model "
            "with such names, or words that its tokenizer has",
        )


def tie(config: PeftConfig, known: Architecture) -> None:
    """Makes an adapter train tied embeddings as one tensor, on a base that is wrapped already as well: there
    PEFT itself no longer finds what is tied.
    """
    if known.tied and getattr(config, "ensure_weight_tying", False):
        entrance, output = known.embeddings
        asked: Any = config
        others = {name for name in asked.modules_to_save or [] if not output.endswith(name)}
        asked.modules_to_save = sorted({entrance, *others})
        asked.modules_to_tie = {output}


def fresh_parts(base: LoadedBase, known: Architecture, peft: PeftModel, name: str, seed: int) -> None:
    """What no file carried is drawn for each trial from its own seed, not copied from the base.

    Linear layers only: norms begin as ones and zeros in any case.
    """
    deviation = float(getattr(base.model.config, "initializer_range", 0.02))
    new = set(base.new_modules)
    for part in _parts(base, known):
        torch.manual_seed(derive_seed(seed, *(["head"] if part in PEFT_HEADS else ["head", part])))
        wrapper: Any = peft.get_base_model().get_submodule(part)
        for inner, module in wrapper.modules_to_save[name].named_modules(prefix=part):
            if inner in new and isinstance(module, nn.Linear):
                for kind, parameter in module.named_parameters(recurse=False):
                    if kind == "weight":
                        parameter.data.normal_(mean=0.0, std=deviation)
                    else:
                        parameter.data.zero_()


def adapter_tensors(peft: PeftModel, name: str) -> dict[str, torch.Tensor]:
    """The adapter's weights by PEFT's file names, on the CPU."""
    state = get_peft_model_state_dict(peft, adapter_name=name, save_embedding_layers=False)
    # Cloned: tied embeddings are one tensor under two names, which a file may not hold.
    return {key: tensor.detach().cpu().contiguous().clone() for key, tensor in state.items()}


def adapter_bytes(tensors: dict[str, torch.Tensor]) -> bytes:
    """`adapter_model.safetensors`. One metadata key at most: several are written in any order."""
    return save(tensors, metadata={"format": "pt"})


def config_bytes(config: LoraConfig) -> bytes:
    """`adapter_config.json` with every set sorted."""
    values: dict[str, Any] = {**config.to_dict(), "inference_mode": True}
    saved = config.modules_to_save or []
    if not any(name.rpartition(".")[2] in EMBEDDING_LAYER_NAMES for name in saved):
        # Plain PEFT ties what it knows by name: the output's name serves where the embedding's does not.
        tied: set[str] = getattr(config, "modules_to_tie", None) or set()
        values["modules_to_save"] = sorted({*saved, *tied}) if tied else values["modules_to_save"]
    for key, value in values.items():
        if isinstance(value, set):
            values[key] = sorted(value)
        elif hasattr(value, "value"):
            values[key] = value.value
    if isinstance(values.get("target_modules"), list):
        values["target_modules"] = sorted(values["target_modules"])
    return readable_json(values)


def trainable(peft: PeftModel, name: str) -> list[tuple[str, nn.Parameter]]:
    """The slot's own parameters in a fixed order."""
    return [(key, p) for key, p in peft.named_parameters() if f".{name}." in f"{key}." and _is_adapter(key)]


def _is_adapter(key: str) -> bool:
    return "lora_" in key or "modules_to_save" in key
