"""The profile: what a person should know of a data set before training on it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from belay_gpu.contracts import (
    DatasetProfileDuplicates,
    DatasetProfileLabel,
    DatasetProfileLeakage,
    DatasetProfileTokenLengths,
    Histogram,
)
from belay_gpu.skills.dataset.files import Row
from belay_gpu.skills.dataset.similarity import Likeness

BINS = 20
EXAMPLES = 3
SHOWN = 80


def histogram(lengths: Sequence[int]) -> Histogram:
    """At most twenty bins of equal, whole width."""
    width = max(1, math.ceil((max(lengths) + 1) / BINS))
    bins = max(lengths) // width + 1
    counts = np.bincount(np.array(lengths) // width, minlength=bins)
    return Histogram(edges=[float(i * width) for i in range(bins + 1)], counts=counts.tolist())


def token_lengths(lengths: Sequence[int], label_tokens: int) -> DatasetProfileTokenLengths:
    """Lengths before anything was cut."""
    return DatasetProfileTokenLengths(
        histogram=histogram(lengths),
        min=min(lengths),
        median=float(np.median(lengths)),
        p95=float(np.percentile(lengths, 95)),
        max=max(lengths),
        label_tokens=label_tokens,
    )


def duplicates(members: Sequence[int], likeness: Likeness, rows: Sequence[Row]) -> DatasetProfileDuplicates:
    """Rows beyond the first of their kind. `members`: the rows that are used."""
    exact = _repeats(members, likeness.exact)
    near = [row for row in _repeats(members, likeness.near) if row not in set(exact)]
    shown = [(likeness.exact[row], row) for row in exact[:EXAMPLES]]
    shown += [(likeness.near[row], row) for row in near[: EXAMPLES - len(shown)]]
    return DatasetProfileDuplicates(
        exact=len(exact), near=len(near), examples=[f"{rows[a].place} and {rows[b].place}" for a, b in shown]
    )


def _repeats(members: Sequence[int], roots: Sequence[int]) -> list[int]:
    seen: set[int] = set()
    found: list[int] = []
    for row in members:
        if roots[row] in seen:
            found.append(row)
        seen.add(roots[row])
    return found


def leakage(
    splits: Mapping[str, Sequence[int]], likeness: Likeness, rows: Sequence[Row]
) -> DatasetProfileLeakage:
    """Validation and test rows whose like is in a split that is used before theirs."""
    exact: list[tuple[int, int]] = []
    near: list[tuple[int, int]] = []
    earlier: list[int] = []
    for name in ("train", "validation", "test"):
        equal = {likeness.exact[row]: row for row in reversed(earlier)}
        alike = {likeness.near[row]: row for row in reversed(earlier)}
        for row in splits.get(name, ()):
            if likeness.exact[row] in equal:
                exact.append((equal[likeness.exact[row]], row))
            elif likeness.near[row] in alike:
                near.append((alike[likeness.near[row]], row))
        earlier += splits.get(name, ())
    shown = [*exact, *near][:EXAMPLES]
    return DatasetProfileLeakage(
        exact=len(exact), near=len(near), examples=[f"{rows[a].place} and {rows[b].place}" for a, b in shown]
    )


def label_counts(
    classes: Sequence[str], splits: Mapping[str, Sequence[int]], labels: Sequence[str]
) -> list[DatasetProfileLabel]:
    """Rows of each class in each split."""
    counts: dict[str, Counter[str]] = {
        name: Counter(labels[row] for row in members) for name, members in splits.items()
    }
    nothing: Counter[str] = Counter()
    return [
        DatasetProfileLabel(
            name=name,
            train=counts.get("train", nothing)[name],
            validation=counts.get("validation", nothing)[name],
            test=counts.get("test", nothing)[name],
        )
        for name in classes
    ]


def contradictions(members: Sequence[int], likeness: Likeness, labels: Sequence[str]) -> int:
    """Rows with a text that also occurs under another label."""
    seen: dict[int, set[str]] = defaultdict(set)
    for row in members:
        seen[likeness.exact[row]].add(labels[row])
    return sum(len(seen[likeness.exact[row]]) > 1 for row in members)


def counted(count: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def share(count: int, of: int) -> str:
    """A share as people read it."""
    return f"{100 * count / of:.1f} %" if of else "0 %"
