"""How several sources become one data set, by their weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from belay_gpu.skills.dataset.splitting import in_random_order


def sampled(rows: Sequence[int], count: int, dataset_sha256: str, seed: int, purpose: str) -> list[int]:
    """`count` of the rows, in their order."""
    order = in_random_order([[row] for row in rows], dataset_sha256, seed, purpose)
    return sorted(row for (row,) in order[:count])


def taken(rows: int, weight: float) -> int:
    """How many of a source's rows take part."""
    return rows if weight >= 1 else max(1, round(weight * rows))


def used_rows(
    source_rows: Sequence[Sequence[int]],
    weights: Sequence[float],
    max_samples: int | None,
    dataset_sha256: str,
    seed: int,
) -> list[int]:
    """Rows that take part: of a source whose weight is below 1, that share; of all, at most `max_samples`."""
    used: list[int] = []
    for rows, weight in zip(source_rows, weights, strict=True):
        used += sampled(rows, taken(len(rows), weight), dataset_sha256, seed, "weight")
    if max_samples is not None and len(used) > max_samples:
        used = sampled(used, max_samples, dataset_sha256, seed, "max_samples")
    return used


def repeated(
    train: Sequence[int],
    source_of: Mapping[int, int],
    weights: Sequence[float],
    dataset_sha256: str,
    seed: int,
) -> list[int]:
    """Training rows as often as their source's weight says: 2.5 is each twice and half of them a third time.

    Validation and test rows count once, whatever the weight.
    """
    order: list[int] = []
    for source, weight in enumerate(weights):
        rows = [row for row in train if source_of[row] == source]
        whole, part = divmod(max(weight, 1.0), 1.0)
        order += rows * math.floor(whole)
        order += sampled(rows, round(part * len(rows)), dataset_sha256, seed, "repeat")
    return sorted(order)
