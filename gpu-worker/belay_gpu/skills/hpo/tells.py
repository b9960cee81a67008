"""What a sampler's model learns from, and when it has enough of it."""

from __future__ import annotations

from collections.abc import Sequence

from belay_gpu.contracts import SearchSpec, Tell
from belay_gpu.skills.failures import SkillError


def startup_trials(search: SearchSpec) -> int:
    """Trials told before the model is used, as the completed spec says.

    Raises:
        SkillError: Internal where the spec was never completed: a number of our own might be another one.
    """
    if search.n_startup_trials is None:
        raise SkillError("Internal", "search.n_startup_trials is not filled in")
    return search.n_startup_trials


def is_past_startup(search: SearchSpec, tells: Sequence[Tell]) -> bool:
    """Failures count as tried; but a model needs at least one value."""
    return len(tells) >= startup_trials(search) and any(score_of(tell) is not None for tell in tells)


def score_of(tell: Tell) -> float | None:
    """What a model without a notion of pruning learns from: the objective, or the last rung's value."""
    if tell.state == "completed":
        return tell.value
    if tell.state == "pruned":
        return next((rung.value for rung in reversed(tell.rungs) if rung.value is not None), tell.value)
    return None
