"""CMA-ES over a record: generations are the told trials in order, so nothing is kept between proposals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import optuna
from cmaes import CMA
from optuna.samplers import RandomSampler

from belay_gpu.contracts import (
    Distribution,
    DistributionChoice,
    DistributionInt,
    DistributionLogint,
    DistributionLoguniform,
    DistributionUniform,
    Proposal,
    SearchSpec,
    Tell,
)
from belay_gpu.skills.hpo.dimensions import Space, decode, to_optuna
from belay_gpu.skills.hpo.tells import score_of, startup_trials

FIRST_SPREAD = 0.25
"""Standard deviation of the first generation, as a share of each range."""


def propose_by_cmaes(
    search: SearchSpec, space: Space, trial: int, tells: Sequence[Tell], seed: int
) -> Proposal:
    """Moves on the numeric dimensions. Choices are drawn at random, and so is all where those are not two."""
    numeric = {name: dim for name, dim in space.items() if not isinstance(dim, DistributionChoice)}
    params = _random(space, seed)
    if len(numeric) < 2:
        return Proposal(trial=trial, params=params, model_based=False)
    sign = 1.0 if search.mode == "min" else -1.0
    points = [
        (
            np.array([_to_unit(dimension, tell.params[name]) for name, dimension in numeric.items()]),
            sign * score,
        )
        for tell in tells
        if (score := score_of(tell)) is not None
    ]
    startup = max(1, min(startup_trials(search), len(points)))
    mean = min(points[:startup], key=lambda point: point[1])[0]
    bounds = np.array([[0.0, 1.0]] * len(numeric))
    optimizer = CMA(mean=mean, sigma=FIRST_SPREAD, bounds=bounds, seed=search.seed)
    size = optimizer.population_size
    for start in range(startup, len(points) - size + 1, size):
        optimizer.tell(points[start : start + size])
    optimizer.reseed_rng(seed)
    for (name, dimension), value in zip(numeric.items(), optimizer.ask(), strict=True):
        params[name] = _from_unit(dimension, float(value))
    return Proposal(trial=trial, params=params, model_based=True)


def _random(space: Space, seed: int) -> dict[str, Any]:
    study = optuna.create_study(sampler=RandomSampler(seed=seed))
    asked = study.ask({name: to_optuna(dimension) for name, dimension in space.items()})
    return {name: decode(dimension, asked.params[name]) for name, dimension in space.items()}


def _bounds(dimension: Distribution) -> tuple[float, float, bool]:
    """Lower and upper bound on the scale that is searched, and whether that is a logarithmic one.

    A whole number owns the half-open interval around it, so that the ends are as likely as the rest.
    """
    match dimension:
        case DistributionUniform(uniform=(low, high)):
            return low, high, False
        case DistributionLoguniform(loguniform=(low, high)):
            return math.log(low), math.log(high), True
        case DistributionInt(int_=(low, high)):
            return low - 0.5, high + 0.5, False
        case DistributionLogint(logint=(low, high)):
            return math.log(low - 0.5), math.log(high + 0.5), True
        case DistributionChoice():
            raise TypeError(f"not a numeric dimension: {dimension!r}")


def _to_unit(dimension: Distribution, value: Any) -> float:
    low, high, logarithmic = _bounds(dimension)
    return ((math.log(value) if logarithmic else value) - low) / (high - low)


def _from_unit(dimension: Distribution, share: float) -> float | int:
    low, high, logarithmic = _bounds(dimension)
    value = low + min(1.0, max(0.0, share)) * (high - low)
    value = math.exp(value) if logarithmic else value
    match dimension:
        case DistributionInt(int_=(first, last)) | DistributionLogint(logint=(first, last)):
            return min(last, max(first, round(value)))
        case DistributionUniform(uniform=(first, last)) | DistributionLoguniform(loguniform=(first, last)):
            return min(last, max(first, value))
        case DistributionChoice():
            raise TypeError(f"not a numeric dimension: {dimension!r}")
