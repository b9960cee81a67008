"""The profile: what a person should know of a data set before training on it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence

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
    equal = set(exact)
    near = [row for row in _repeats(members, likeness.near) if row not in equal]
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
    splits: Mapping[str, Sequence[int]], likeness: Likeness, groups: Mapping[int, str], rows: Sequence[Row]
) -> DatasetProfileLeakage:
    """Validation and test rows whose like is in a split that is used before theirs. Rows that share no more
    than a group are not counted, but examples are given.
    """
    exact = _met_before(splits, likeness.exact.__getitem__)
    equal = {row for _, row in exact}
    near = [pair for pair in _met_before(splits, likeness.near.__getitem__) if pair[1] not in equal]
    alike = equal | {row for _, row in near}
    grouped = [pair for pair in shared_groups(splits, groups) if pair[1] not in alike]
    shown = [f"{rows[a].place} and {rows[b].place}" for a, b in [*exact, *near][:EXAMPLES]]
    shown += [f"{rows[a].place} and {rows[b].place} (group {groups[b]})" for a, b in grouped[:EXAMPLES]]
    return DatasetProfileLeakage(exact=len(exact), near=len(near), examples=shown)


def shared_groups(splits: Mapping[str, Sequence[int]], groups: Mapping[int, str]) -> list[tuple[int, int]]:
    """Rows whose group is in a split that is used before theirs, each behind the first row there.

    Only rows of a validation or test file can be: what is split off goes by group.
    """
    return _met_before(splits, groups.get)


def _met_before(
    splits: Mapping[str, Sequence[int]], kind_of: Callable[[int], Hashable | None]
) -> list[tuple[int, int]]:
    """Rows of a kind that an earlier split has as well, each behind the first row there. None is no kind."""
    found: list[tuple[int, int]] = []
    earlier: dict[Hashable, int] = {}
    for name in ("train", "validation", "test"):
        members = [(row, kind) for row in splits.get(name, ()) if (kind := kind_of(row)) is not None]
        found += [(earlier[kind], row) for row, kind in members if kind in earlier]
        for row, kind in members:
            earlier.setdefault(kind, row)
    return found


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


def agreeing(count: int, one: str, several: str) -> str:
    """The verb that agrees with a count."""
    return one if count == 1 else several


def share(count: int, of: int) -> str:
    """A share as people read it."""
    return f"{100 * count / of:.1f} %" if of else "0 %"
