"""eval.compare: does the winner beat the base on test rows, and by how much?

Paired bootstrap (Efron and Tibshirani, 1993; for systems scored on the same rows, Koehn, 2004): rows are
drawn with replacement, both scorings are computed on the same draw, and the 2.5th and 97.5th percentile of
their difference are the interval.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from belay_gpu.contracts import FEWEST_COMPARED_ROWS, HIGHER_IS_BETTER, CompareOutput
from belay_gpu.skills.compare.statistics import NEEDS, STATISTICS
from belay_gpu.skills.failures import SkillError

# Cells of one block of draws; bounds the memory whatever the number of rows.
BLOCK_CELLS = 2_000_000

Example = Mapping[str, Any]


def compare(
    metric: str, base: Sequence[Example], best: Sequence[Example], seed: int, resamples: int = 10_000
) -> CompareOutput:
    """Scores both on the same resampled rows.

    Args:
        metric: name of a metric; its direction decides what "better" means.
        base: per-row scores of the base, in split order.
        best: the same rows scored by the winner.
        seed: of the draws; the same seed gives the same interval.
        resamples: draws.

    Raises:
        SkillError: InvalidSpec where no row of both was scored by the metric; Internal where the two do not
            score the same rows.
    """
    if metric not in STATISTICS:
        raise SkillError("InvalidSpec", f"eval.report_metric: {metric} is not one of {', '.join(STATISTICS)}")
    if len(base) != len(best):
        raise SkillError("Internal", f"base and winner were scored on {len(base)} and {len(best)} rows")
    scored = _scored(metric, base, best)
    if not scored:
        raise SkillError("InvalidSpec", _not_scored(metric, base, best))
    ours, theirs = (_columns(rows, scored, NEEDS[metric]) for rows in (best, base))
    statistic = STATISTICS[metric]
    every_row = np.arange(len(scored))[None, :]
    best_value, base_value = float(statistic(ours, every_row)[0]), float(statistic(theirs, every_row)[0])
    rng = np.random.default_rng(seed)
    gains: list[NDArray[np.float64]] = []
    block = max(1, BLOCK_CELLS // len(scored))
    for start in range(0, resamples, block):
        rows = rng.integers(0, len(scored), size=(min(block, resamples - start), len(scored)))
        gains.append(statistic(ours, rows) - statistic(theirs, rows))
    low, high = (float(v) for v in np.quantile(np.concatenate(gains), [0.025, 0.975]))
    return CompareOutput(
        metric=metric,
        base=base_value,
        best=best_value,
        gain=best_value - base_value,
        low=low,
        high=high,
        beats_base=len(scored) >= FEWEST_COMPARED_ROWS
        and (low > 0 if metric in HIGHER_IS_BETTER else high < 0),
        examples=len(scored),
        resamples=resamples,
    )


def _scored(metric: str, base: Sequence[Example], best: Sequence[Example]) -> list[int]:
    """Rows of which both scorings have what the metric is made of."""
    needed = NEEDS[metric]
    return [row for row in range(len(base)) if all(key in base[row] and key in best[row] for key in needed)]


def _not_scored(metric: str, base: Sequence[Example], best: Sequence[Example]) -> str:
    others = [name for name in STATISTICS if _scored(name, base, best)]
    wanted = f"use one of {', '.join(others)}" if others else "they have no metric in common"
    return f"eval.report_metric: no row of both base and winner was scored by {metric}; {wanted}"


def _columns(
    rows: Sequence[Example], scored: Sequence[int], names: Sequence[str]
) -> dict[str, NDArray[np.float64]]:
    return {name: np.array([float(rows[i][name]) for i in scored]) for name in names}
