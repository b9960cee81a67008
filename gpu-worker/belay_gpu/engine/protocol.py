"""The interface between a trainer and an engine.

A trainer knows slots by name and never touches a weight. One adapter at a time over plain PEFT (`PeftEngine`)
and many in one forward pass are engines alike; only `step` sees the difference, because it takes every slot
that is due.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from belay_gpu.data.tokenised import TokenisedSplit
from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.spec import BaseSpec, SlotSpec


@dataclass(frozen=True)
class StepResult:
    """One optimizer step of one slot.

    Attributes:
        step: steps done, this one included; unchanged where the slot diverged.
        loss: mean over the label tokens (or rows) of the whole accumulation window; None: not finite.
        learning_rate: rate this step used.
        grad_norm: norm before clipping; None: not finite.
        label_tokens: tokens (or rows) that carried the loss.
        seconds: device time that this slot's part of the step took.
    """

    step: int
    loss: float | None
    learning_rate: float
    grad_norm: float | None
    label_tokens: int
    seconds: float

    @property
    def diverged(self) -> bool:
        return self.loss is None or self.grad_norm is None


@dataclass(frozen=True)
class GenerationRequest:
    """Greedy decoding. `stop`: text at which a row ends, beside the end-of-sequence token."""

    max_new_tokens: int
    stop: str | None = None
    ignore_spaces: bool = False


@dataclass(frozen=True)
class EvalRequest:
    batch_size: int
    generation: GenerationRequest | None = None


@dataclass(frozen=True)
class EvalResult:
    """Scores of one split.

    Attributes:
        metrics: only finite numbers.
        examples: per row, in split order: `loss`, `tokens` and whatever else was scored.
        diverged: the loss is not finite.
        samples: a few generations: prompt, expected, got.
    """

    metrics: dict[str, float]
    examples: list[dict[str, float | int]]
    diverged: bool
    samples: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Snapshot:
    """A slot between two steps, as bytes that do not depend on the process that made them.

    Attributes:
        adapter_config: `adapter_config.json` of PEFT's layout.
        adapter: `adapter_model.safetensors` of PEFT's layout, adapter name stripped.
        state: safetensors with the optimizer's moments by parameter.
        meta: step, data cursor, seeds, initial hash; readable JSON.
    """

    adapter_config: bytes
    adapter: bytes
    state: bytes
    meta: dict[str, Any]


@dataclass(frozen=True)
class SlotInfo:
    step: int
    trainable_params: int
    init_sha256: str


Evaluation = Generator[None, None, EvalResult]


class Engine(Protocol):
    """Adapters over one frozen base. Not thread-safe. Every method may raise `EngineError`."""

    @property
    def base(self) -> BaseSpec: ...

    @property
    def slots(self) -> list[str]:
        """Names of all resident slots, trained or only attached."""
        ...

    def admit(self, slot: str, spec: SlotSpec, data: TokenisedSplit) -> SlotInfo:
        """A new trial at step 0, initialised from its own seed."""
        ...

    def restore(self, slot: str, spec: SlotSpec, data: TokenisedSplit, snapshot: Snapshot) -> SlotInfo:
        """A trial as it was when `snapshot` was taken; goes on bit for bit where the device allows it."""
        ...

    def attach(self, slot: str, adapter_folder: Path) -> None:
        """A finished adapter in PEFT's layout, for evaluation only."""
        ...

    def step(self, slots: Sequence[str]) -> dict[str, StepResult | EngineError]:
        """One optimizer step for each of these slots; no other slot changes by a bit.

        A slot whose loss or gradient is not finite keeps its weights and must be retired. A slot that failed
        is answered with its error, so that the steps of the others are not lost; it must be retired too. Only
        an error of the device itself is raised.
        """
        ...

    def evaluate(self, slot: str | None, data: TokenisedSplit, request: EvalRequest) -> Evaluation:
        """Scores a slot, or the bare base (None). A generator that yields between batches and returns the
        result, so that training steps of other slots can be taken in between."""
        ...

    def snapshot(self, slot: str) -> Snapshot:
        """The slot's state between two steps. Changes nothing."""
        ...

    def retire(self, slot: str) -> None:
        """Frees the slot; unknown names are ignored."""
        ...
