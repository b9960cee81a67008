"""How much memory a trial takes, before anything is loaded."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch

from belay_gpu.contracts import ModelSpec, SearchPlanMemory
from belay_gpu.skills.config.shape import ModelShape
from belay_gpu.skills.failures import SkillError

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
# fp32 master, two fp32 moments, fp32 gradient.
TRAINED_BYTES = 4 + 8 + 4
# A layer keeps about this many activations of the hidden width per token for its backward pass, attention and
# MLP together (Korthikanti et al., 2022, give 34 bytes per token and hidden unit at 2 bytes each, without the
# attention matrix).
ACTIVATIONS_PER_TOKEN = 17


@dataclass(frozen=True)
class TargetDevice:
    """What trials are planned for. `memory_bytes`: all of its memory; None where it cannot be told."""

    cuda: bool
    memory_bytes: int | None


def target_device(name: str) -> TargetDevice:
    """The device that a GPU worker of this name takes; of one on another machine the memory is not known.

    Args:
        name: auto, cpu, cuda or cuda:N.
    """
    if name.startswith("cuda") and not torch.cuda.is_available():
        return TargetDevice(True, None)
    if name != "cpu" and torch.cuda.is_available():
        index = int(name.partition(":")[2] or 0)
        return TargetDevice(True, int(torch.cuda.get_device_properties(index).total_memory))
    try:
        return TargetDevice(False, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (ValueError, OSError):
        return TargetDevice(False, None)


def compute_bytes(dtype: str, in_4bit: bool, device: TargetDevice) -> float:
    """Bytes of one frozen weight."""
    if in_4bit:
        return 0.5 + 1 / 32  # two to a byte, and a double-quantised scale for each block
    if dtype == "auto":
        dtype = "bfloat16" if device.cuda else "float32"
    return BYTES[dtype]


def estimate(
    shape: ModelShape,
    weight_bytes: float,
    trained: int,
    batch: int,
    length: int,
    vocabulary: int,
    device: TargetDevice,
) -> SearchPlanMemory:
    """Base, one trial's adapter with its optimizer, and the activations of one micro-batch."""
    base = int(shape.parameters * weight_bytes)
    tokens = batch * length
    width = max(2, int(weight_bytes))
    activations = tokens * (ACTIVATIONS_PER_TOKEN * shape.hidden * shape.layers + 2 * vocabulary) * width
    trial = trained * TRAINED_BYTES
    return SearchPlanMemory(
        base_bytes=base,
        trial_bytes=trial,
        activation_bytes=activations,
        total_bytes=base + trial + activations,
        device_bytes=device.memory_bytes,
    )


def check_fits(memory: SearchPlanMemory, model: ModelSpec, share: float, device: TargetDevice) -> None:
    """Whether base and trial fit in their share of the device's memory; the rest is for the runtime's
    context, the allocator's slack and copies of the logits.

    Raises: SkillError (DoesNotFit) with the estimate and the ways out.
    """
    if device.memory_bytes is None or memory.total_bytes <= device.memory_bytes * share:
        return
    ways = ["a smaller per_device_train_batch_size or cutoff_len"]
    if memory.base_bytes > device.memory_bytes * share:
        ways = ["a smaller base", "a larger device"]
    if not model.load_in_4bit and device.cuda:
        ways.append("model.load_in_4bit: true")
    parts = f"base {_gib(memory.base_bytes)}, adapter and optimizer {_gib(memory.trial_bytes)}"
    raise SkillError(
        "DoesNotFit",
        f"model {model.model_name_or_path} needs about {_gib(memory.total_bytes)} ({parts}, activations "
        f"{_gib(memory.activation_bytes)}) and the device has {_gib(device.memory_bytes)}, of which "
        f"pack.memory_fraction lets {share:g} be used; ways out: {', '.join(ways)}",
    )


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
