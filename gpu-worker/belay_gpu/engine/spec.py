"""What an engine is told about a base and a trial. Keys of `train` and `lora` are an experiment file's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

Task = Literal["causal_lm", "sequence_classification"]
Scheduler = Literal["constant", "linear", "cosine", "constant_with_warmup"]


@dataclass(frozen=True)
class BaseSpec:
    """Identity of a frozen base: adapters share one resident copy exactly if their specs are equal.

    Attributes:
        model: local folder or hub id.
        revision: commit of the hub repository.
        dtype: auto, float32, bfloat16 or float16.
        load_in_4bit: quantised base, CUDA only.
        class_names: classification: the classes, which give the head its width.
        added_tokens: tokens added to the base's tokenizer.
    """

    model: str
    revision: str | None = None
    dtype: str = "auto"
    load_in_4bit: bool = False
    task: Task = "causal_lm"
    class_names: tuple[str, ...] = ()
    added_tokens: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoraParams:
    """Shape of one adapter; PEFT's names, `target_modules` as in an experiment file."""

    r: int
    lora_alpha: float
    lora_dropout: float = 0.0
    target_modules: Literal["all-linear"] | tuple[str, ...] = "all-linear"
    modules_to_save: tuple[str, ...] = ()
    init_lora_weights: bool = True
    use_rslora: bool = False
    use_dora: bool = False
    loraplus_lr_ratio: float | None = None


@dataclass(frozen=True)
class TrainParams:
    """How one adapter is trained. `max_grad_norm` None: gradients are not clipped."""

    learning_rate: float
    per_device_train_batch_size: int = 2
    gradient_accumulation_steps: int = 4
    lr_scheduler_type: Scheduler = "cosine"
    warmup_ratio: float = 0.03
    weight_decay: float = 0.0
    adam_beta1: float = 0.9
    adam_beta2: float = 0.999
    adam_epsilon: float = 1e-8
    max_grad_norm: float | None = 1.0
    seed: int = 42
    full_determinism: bool = False


@dataclass(frozen=True)
class SlotSpec:
    """One trial: its adapter, its optimizer, and the length of its schedule in optimizer steps."""

    lora: LoraParams
    train: TrainParams
    total_steps: int


def _known(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(kind)}
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in values.items()
        if name in names and not (value is None and name == "modules_to_save")
    }


def slot_spec(config: Mapping[str, Any], total_steps: int) -> SlotSpec:
    """A trial's `{train, lora}` as it is on the wire. Keys that do not concern the engine are left out."""
    return SlotSpec(
        lora=LoraParams(**_known(LoraParams, config["lora"])),
        train=TrainParams(**_known(TrainParams, config["train"])),
        total_steps=total_steps,
    )
