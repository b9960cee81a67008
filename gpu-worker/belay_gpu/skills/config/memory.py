"""How much memory a trial takes, before anything is loaded."""

from __future__ import annotations

import os

import torch

from belay_gpu.contracts import SearchPlanMemory
from belay_gpu.skills.config.shape import ModelShape
from belay_gpu.skills.failures import SkillError

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
# fp32 master, two fp32 moments, fp32 gradient.
TRAINED_BYTES = 4 + 8 + 4
# A layer keeps about this many activations of the hidden width per token for its backward pass, attention and
# MLP together (Korthikanti et al., 2022, give 34 bytes per token and hidden unit at 2 bytes each, without the
# attention matrix).
ACTIVATIONS_PER_TOKEN = 17
# What the runtime needs beside: context, allocator slack, the logits' copies.
FREE_SHARE = 0.9


def device_memory() -> int | None:
    """Bytes of the device that training would use on this machine; None where it cannot be told."""
    if torch.cuda.is_available():
        return int(torch.cuda.get_device_properties(0).total_memory)
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


def compute_bytes(dtype: str, in_4bit: bool) -> float:
    """Bytes of one frozen weight."""
    if in_4bit:
        return 0.5 + 1 / 32  # two to a byte, and a double-quantised scale for each block
    if dtype == "auto":
        dtype = "bfloat16" if torch.cuda.is_available() else "float32"
    return BYTES[dtype]


def estimate(
    shape: ModelShape, weight_bytes: float, trained: int, batch: int, length: int, vocabulary: int
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
        device_bytes=device_memory(),
    )


def check_fits(memory: SearchPlanMemory, model: str, in_4bit: bool) -> None:
    """Raises: SkillError (DoesNotFit) with the estimate and the ways out."""
    device = memory.device_bytes
    if device is None or memory.total_bytes <= device * FREE_SHARE:
        return
    ways = ["a smaller per_device_train_batch_size or cutoff_len"]
    if memory.base_bytes > device * FREE_SHARE:
        ways = ["a smaller base", "a larger device"]
    if not in_4bit and torch.cuda.is_available():
        ways.append("model.load_in_4bit: true")
    raise SkillError(
        "DoesNotFit",
        f"model {model} needs about {_gib(memory.total_bytes)} (base {_gib(memory.base_bytes)}, adapter and "
        f"optimizer {_gib(memory.trial_bytes)}, activations {_gib(memory.activation_bytes)}) and the device "
        f"has {_gib(device)}; ways out: {', '.join(ways)}",
    )


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
