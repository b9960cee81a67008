"""How much memory a trial takes, before anything is loaded."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

import torch

from belay_gpu.contracts import ModelSpec, SearchPlanMemory
from belay_gpu.engine.passes import scoring_bytes
from belay_gpu.engine.quantisation import quantises
from belay_gpu.skills.config.shape import ModelShape
from belay_gpu.skills.failures import SkillError

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
# fp32 master, two fp32 moments, fp32 gradient.
TRAINED_BYTES = 4 + 8 + 4
# A layer keeps about this many activations of the hidden width per token for its backward pass, attention and
# MLP together (Korthikanti et al., 2022, give 34 bytes per token and hidden unit at 2 bytes each, without the
# attention matrix).
ACTIVATIONS_PER_TOKEN = 17
# Of one logit in the backward pass of the loss, all in fp32: the log-softmax, and the gradients at its output
# and at its input. (In the forward pass: the copy in fp32 and the log-softmax.)
TRAINED_LOGIT_BYTES = 4 + 4 + 4
# How many times as many label tokens as the mean the rows of one batch are taken to have.
LABEL_SPREAD = 4


@dataclass(frozen=True)
class TargetDevice:
    """What trials are planned for.

    Attributes:
        cuda: it is an NVIDIA GPU.
        memory_bytes: all of its memory; None where it cannot be told.
        quantises: bases can be loaded in 4 bits on it.
    """

    cuda: bool
    memory_bytes: int | None
    quantises: bool = False


def target_device(name: str) -> TargetDevice:
    """The device that a GPU worker of this name takes; of one on another machine the memory is not known.

    Args:
        name: auto, cpu, cuda or cuda:N.
    """
    if name.startswith("cuda") and not torch.cuda.is_available():
        return TargetDevice(True, None, quantises())
    if name != "cpu" and torch.cuda.is_available():
        index = int(name.partition(":")[2] or 0)
        return TargetDevice(True, int(torch.cuda.get_device_properties(index).total_memory), quantises())
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


@dataclass(frozen=True)
class Workload:
    """What passes through the model at once.

    Attributes:
        batch: rows, or packed bins, of a micro-batch.
        length: tokens of the longest.
        labels: label tokens of one of them, on average.
        eval_batch: rows of an evaluation batch.
        eval_labels: label tokens of a row, on average.
        vocabulary: logits of a token; 0: only a class is predicted.
    """

    batch: int
    length: int
    labels: float
    eval_batch: int
    eval_labels: float
    vocabulary: int

    def places(self, rows: int, labels: float) -> int:
        """Positions of `rows` rows whose logits are computed."""
        return math.ceil(rows * min(self.length, LABEL_SPREAD * labels))


def estimate(
    shape: ModelShape, weight_bytes: float, trained: int, load: Workload, device: TargetDevice
) -> SearchPlanMemory:
    """Base, one trial's adapter with its optimizer, and the activations of one micro-batch or of one
    evaluation batch, whichever take more.
    """
    base = int(shape.parameters * weight_bytes)
    width = max(2, int(weight_bytes))
    training = load.batch * load.length * ACTIVATIONS_PER_TOKEN * shape.hidden * shape.layers * width
    training += load.places(load.batch, load.labels) * load.vocabulary * TRAINED_LOGIT_BYTES
    compared = load.places(load.eval_batch, load.eval_labels)
    scoring = scoring_bytes(load.eval_batch, load.length, shape.hidden, width, compared, load.vocabulary)
    activations = max(training, scoring)
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
    context and the allocator's slack.

    Raises: SkillError (DoesNotFit) with the estimate and the ways out.
    """
    if device.memory_bytes is None or memory.total_bytes <= device.memory_bytes * share:
        return
    ways = ["a smaller per_device_train_batch_size, eval.batch_size or cutoff_len"]
    if memory.base_bytes > device.memory_bytes * share:
        ways = ["a smaller base", "a larger device"]
    if not model.load_in_4bit and device.quantises:
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
