"""One PEFT adapter of a slot: its configuration, its first weights, and its bytes in PEFT's own layout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model_state_dict
from safetensors.torch import save
from torch import nn

from belay_gpu.canonical import readable_json
from belay_gpu.engine.base_model import LoadedBase
from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.seeds import derive_seed
from belay_gpu.engine.spec import LoraParams

TASK_TYPES = {"causal_lm": TaskType.CAUSAL_LM, "sequence_classification": TaskType.SEQ_CLS}
HEADS = ("classifier", "score")


def linear_suffixes(base: LoadedBase) -> list[str]:
    """What `all-linear` means for this base, by PEFT's rule: every linear layer but the output head.

    Read from the bare base, once: wrapped layers would be found again under other names. Suffixes where they
    are unambiguous, else full names.
    """
    head = base.model.get_output_embeddings() if base.spec.task == "causal_lm" else _head(base)
    # Heads may be blocks of their own (dense + out_proj): nothing inside one is adapted.
    inside_head = set(map(id, head.modules())) if head is not None else set()
    linear = {
        name
        for name, module in base.model.named_modules()
        if _is_linear(module) and id(module) not in inside_head
    }
    suffixes = {name.rpartition(".")[2] for name in linear}
    hit = {name for name, _ in base.model.named_modules() if name.rpartition(".")[2] in suffixes}
    return sorted(suffixes) if hit == linear else sorted(linear)


def _is_linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"


def _head(base: LoadedBase) -> nn.Module | None:
    return next((head for name in HEADS if (head := getattr(base.model, name, None)) is not None), None)


def head_name(base: LoadedBase) -> str | None:
    if base.spec.task == "causal_lm":
        return None
    return next((name for name in HEADS if getattr(base.model, name, None) is not None), None)


def _embedding_names(base: LoadedBase) -> list[str]:
    modules = [base.model.get_input_embeddings(), base.model.get_output_embeddings()]
    return [
        name
        for name, module in base.model.named_modules()
        if any(module is m for m in modules if m is not None)
    ]


def check_targets(base: LoadedBase, names: Sequence[str]) -> None:
    """Raises: EngineError (InvalidSpec) for a target that matches no layer."""
    known = {name for name, module in base.model.named_modules() if _is_linear(module)}
    for target in names:
        if not any(name == target or name.endswith(f".{target}") for name in known):
            layers = ", ".join(sorted({name.rpartition(".")[2] for name in known}))
            raise EngineError(
                "InvalidSpec", f"lora.target_modules: no linear layer is named {target}; there are: {layers}"
            )


def lora_config(base: LoadedBase, params: LoraParams, all_linear: list[str]) -> LoraConfig:
    """PEFT's configuration for one slot. `all_linear`: what `linear_suffixes` said of the bare base."""
    targets = all_linear if params.target_modules == "all-linear" else sorted(params.target_modules)
    saved = set(params.modules_to_save)
    tied = bool(getattr(base.model.config, "tie_word_embeddings", False))
    if base.spec.added_tokens:
        names = _embedding_names(base)
        saved |= set(names[:1] if tied else names)
    if (head := head_name(base)) is not None:
        saved.add(head)
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
        ensure_weight_tying=bool(base.spec.added_tokens) and tied,
        bias="none",
    )


def fresh_head(base: LoadedBase, peft: PeftModel, name: str, seed: int) -> None:
    """A head that no file carried is drawn for each trial from its own seed, not copied from the base."""
    head = head_name(base)
    if head is None or not any(part == head or part.startswith(f"{head}.") for part in base.new_modules):
        return
    torch.manual_seed(derive_seed(seed, "head"))
    model: Any = base.model
    wrapper = getattr(peft.get_base_model(), head)
    deviation = float(getattr(model.config, "initializer_range", 0.02))
    for module in wrapper.modules_to_save[name].modules():
        if isinstance(module, nn.Linear):
            for kind, parameter in module.named_parameters(recurse=False):
                parameter.data.normal_(
                    mean=0.0, std=deviation
                ) if kind == "weight" else parameter.data.zero_()


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
