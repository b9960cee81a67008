"""A search space's dimensions, in the contract's terms and in Optuna's."""

from __future__ import annotations

import math
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from belay_gpu.contracts import (
    Distribution,
    DistributionChoice,
    DistributionInt,
    DistributionLogint,
    DistributionLoguniform,
    DistributionUniform,
    SearchSpace,
)

Space = SearchSpace


def to_optuna(dimension: Distribution) -> BaseDistribution:
    """A choice becomes its index: Optuna takes 1 for True, and takes no lists."""
    match dimension:
        case DistributionChoice(choice=values):
            return CategoricalDistribution(range(len(values)))
        case DistributionInt(int_=bounds):
            return IntDistribution(*bounds)
        case DistributionLogint(logint=bounds):
            return IntDistribution(*bounds, log=True)
        case DistributionUniform(uniform=bounds):
            return FloatDistribution(*bounds)
        case DistributionLoguniform(loguniform=bounds):
            return FloatDistribution(*bounds, log=True)
    raise TypeError(f"not a distribution: {dimension!r}")


def same_value(a: Any, b: Any) -> bool:
    """Equality of JSON values: 8 is 8.0, but 1 is not true."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    return a == b


def encode(dimension: Distribution, value: Any) -> Any:
    """A parameter as Optuna's study holds it.

    Raises:
        ValueError: the value is not one of this dimension.
    """
    match dimension:
        case DistributionChoice(choice=values):
            for index, known in enumerate(values):
                if same_value(known, value):
                    return index
            raise ValueError(f"{value!r} is not among {values!r}")
        case DistributionInt() | DistributionLogint():
            return int(value)
        case _:
            return float(value)


def decode(dimension: Distribution, value: Any) -> Any:
    """The inverse of `encode`."""
    if isinstance(dimension, DistributionChoice):
        return dimension.choice[int(value)]
    return value


def grid_values(dimension: Distribution) -> list[Any] | None:
    """Every value of a dimension with finitely many, else None."""
    match dimension:
        case DistributionChoice(choice=values):
            return list(values)
        case DistributionInt(int_=bounds) | DistributionLogint(logint=bounds):
            return list(range(bounds[0], bounds[1] + 1))
        case _:
            return None


def grid_size(space: Space) -> int:
    """Points of a grid.

    Raises:
        ValueError: a dimension is continuous.
    """
    sizes: list[int] = []
    for name, dimension in space.items():
        values = grid_values(dimension)
        if values is None:
            raise ValueError(f"the grid sampler needs a list of values for {name}, not a continuous range")
        sizes.append(len(values))
    return math.prod(sizes)


def grid_point(space: Space, index: int) -> dict[str, Any]:
    """The point at a position of the grid; the last dimension varies fastest."""
    point: dict[str, Any] = {}
    for name in reversed(list(space)):
        values = grid_values(space[name]) or []
        index, at = divmod(index, len(values))
        point[name] = values[at]
    return {name: point[name] for name in space}


def spread(position: int, size: int, seed: int) -> int:
    """A permutation of 0..size-1 with neighbours far apart: a grid cut short still covers its space."""
    if size <= 2:
        return position
    stride = next(s for s in range(round(size * 0.618) or 1, 2 * size) if math.gcd(s, size) == 1)
    return (seed + position * stride) % size
