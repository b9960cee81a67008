"""Orders to a trainer, as they lie in its spool: one JSON object each. Paths are local and absolute."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from belay_gpu.engine.spec import BaseSpec


@dataclass(frozen=True)
class Candidate:
    """A checkpoint folder to resume from."""

    folder: str
    step: int
    epoch: int


@dataclass(frozen=True)
class Order:
    """What every job has. `epoch` fences: an order older than the newest of its subject is refused."""

    job: str
    run: str
    subject: str
    epoch: int


@dataclass(frozen=True)
class TrainOrder(Order):
    """Train up to `target_step`, evaluate, checkpoint.

    Attributes:
        trial: number of the trial within its run, for whoever uploads its checkpoints.
        config: the trial's `{train, lora}`, keys as in an experiment file.
        total_steps: length of the schedule.
        eval_steps: steps between evaluations; the target is always evaluated.
        save_steps: steps between checkpoints; the target is always saved.
        park_seconds: how long the slot stays in memory afterwards, in wait for an order that goes on from it.
        train_data, validation_data: files of tokenised splits.
        resume: newest first; the first that can be read is used, and the order fails where none can be.
    """

    trial: int
    base: BaseSpec
    config: dict[str, Any]
    total_steps: int
    target_step: int
    eval_steps: int
    save_steps: int
    eval_batch_size: int
    park_seconds: float
    train_data: str
    validation_data: str | None
    resume: list[Candidate]


@dataclass(frozen=True)
class EvalOrder(Order):
    """Score a split with an adapter, or with the bare base (`adapter` None).

    Attributes:
        generation: `{max_new_tokens, stop, ignore_spaces}`; None: no generation.
        baseline_data: training split for the majority class and the linear probe; None: no baselines.
    """

    base: BaseSpec
    data: str
    adapter: str | None
    batch_size: int
    generation: dict[str, Any] | None
    baseline_data: str | None


@dataclass(frozen=True)
class MergeOrder(Order):
    """Merge an adapter into its base and write the folder `output`; checked on rows of `data`."""

    base: BaseSpec
    adapter: str
    data: str
    output: str


@dataclass(frozen=True)
class StopOrder:
    """Checkpoint the job at the next step boundary and end it."""

    target: str


@dataclass(frozen=True)
class ReleaseOrder:
    """Drop whatever of this subject is parked."""

    subject: str


AnyOrder = TrainOrder | EvalOrder | MergeOrder | StopOrder | ReleaseOrder
Kind = Literal["train", "eval", "merge", "stop", "release"]

KINDS: dict[str, type] = {
    "train": TrainOrder,
    "eval": EvalOrder,
    "merge": MergeOrder,
    "stop": StopOrder,
    "release": ReleaseOrder,
}


def to_json(order: AnyOrder) -> dict[str, Any]:
    kind = next(name for name, type_ in KINDS.items() if type(order) is type_)
    return {"kind": kind, **asdict(order)}


def from_json(value: dict[str, Any]) -> AnyOrder:
    """Raises: ValueError, KeyError or TypeError for what no `to_json` wrote."""
    fields = dict(value)
    type_ = KINDS[fields.pop("kind")]
    if "base" in fields:
        base: dict[str, Any] = dict(fields["base"])
        for key in ("class_names", "added_tokens"):
            base[key] = tuple(base[key])
        fields["base"] = BaseSpec(**base)
    if "resume" in fields:
        fields["resume"] = [Candidate(**candidate) for candidate in fields["resume"]]
    return type_(**fields)
