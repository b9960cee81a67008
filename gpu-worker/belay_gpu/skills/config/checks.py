"""The user's own space and settings against the model that they meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from belay_gpu.contracts import BuildSearchSpaceInput, DistributionChoice, SearchSpace
from belay_gpu.skills.config.coverage import ALL_LINEAR, Coverage, cover
from belay_gpu.skills.config.shape import ModelShape
from belay_gpu.skills.failures import SkillError


def values_of(space: SearchSpace, key: str, default: Any) -> list[Any]:
    """Values that a trial may have for `key`: all choices, or both ends of a range."""
    distribution = {str(name): each for name, each in space.items()}.get(key)
    if distribution is None:
        return [default]
    return list(next(iter(distribution.model_dump().values())))


def check_sampler(request: BuildSearchSpaceInput, space: SearchSpace) -> None:
    """Raises: SkillError (InvalidSpec) for a space that CMA-ES would search at random."""
    if request.search.sampler != "cmaes":
        return
    ranges = [str(key) for key, each in space.items() if not isinstance(each, DistributionChoice)]
    if len(ranges) < 2:
        found = f"there is one only ({ranges[0]})" if ranges else "there is none"
        raise SkillError(
            "InvalidSpec",
            f"search.sampler: cmaes needs at least two numeric ranges in search.space, and {found}; use tpe, "
            "or write search.space with more of them",
        )


def coverages(request: BuildSearchSpaceInput, shape: ModelShape) -> list[Coverage]:
    """One for each way that the search may choose its layers; the spec's own first.

    Raises:
        EngineError: InvalidSpec or Unsupported.
    """
    default: Any = request.lora.target_modules
    chosen = (
        [default]
        if request.search.space == "auto"
        else values_of(request.search.space, "target_modules", default)
    )
    saved = saved_names(request, shape)
    return [
        cover(
            shape, targets if isinstance(targets, str) and targets == ALL_LINEAR else _names(targets), saved
        )
        for targets in chosen
    ]


def saved_names(request: BuildSearchSpaceInput, shape: ModelShape) -> set[str]:
    """What a trial trains whole, as PEFT goes by it: the user's `modules_to_save` and a classifier's head."""
    return {*(request.lora.modules_to_save or ()), *shape.modules.heads}


def _names(targets: Any) -> list[str]:
    return [targets] if isinstance(targets, str) else list(targets)


def check_ranks(ranks: list[int], coverage: Coverage, where: str) -> None:
    """Raises: SkillError (InvalidSpec) for a rank above the width of an adapted layer."""
    narrow = coverage.narrowest
    width = min(narrow.shape)
    if max(ranks) > width:
        raise SkillError(
            "InvalidSpec",
            f"{where}: rank {max(ranks)} is above the width of {narrow.suffix} "
            f"({narrow.shape[0]} x {narrow.shape[1]}); use at most {width}",
        )


def rank_warnings(ranks: list[int], coverage: Coverage, label_tokens: int) -> Iterator[str]:
    if label_tokens and coverage.parameters(min(ranks)) > 100 * label_tokens:
        yield (
            f"the smallest adapter has {coverage.parameters(min(ranks)):,} parameters for {label_tokens:,} "
            "label tokens: it can learn the rows by heart; watch the validation loss"
        )
