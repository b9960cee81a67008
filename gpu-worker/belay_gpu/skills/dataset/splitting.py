"""Which rows train, validate and test: a pure function of the data set's hash, a seed and the sizes."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence

from belay_gpu.skills.dataset.files import invalid
from belay_gpu.skills.dataset.similarity import Clusters


def units_of(roots: Sequence[int], groups: Sequence[Hashable | None]) -> list[list[int]]:
    """Rows that must stay in one split: near-duplicates, rows of one group, and whatever these tie together.

    Args:
        roots: per row, the first row of its near-duplicates.
        groups: per row, its group; None where rows are not grouped.
    """
    clusters = Clusters(len(roots))
    first: dict[Hashable, int] = {}
    for row, (root, group) in enumerate(zip(roots, groups, strict=True)):
        clusters.join(row, root)
        if group is not None:
            clusters.join(row, first.setdefault(group, row))
    units: dict[int, list[int]] = defaultdict(list)
    for row, root in enumerate(clusters.roots()):
        units[root].append(row)
    return list(units.values())


def in_random_order(
    units: Sequence[list[int]], dataset_sha256: str, seed: int, purpose: str
) -> list[list[int]]:
    """The units in an order that depends on nothing else, not even on how many there are."""

    def position(unit: list[int]) -> bytes:
        return hashlib.sha256(f"belay {purpose} {dataset_sha256} {seed} {unit[0]}".encode()).digest()

    return sorted(units, key=position)


def wanted_rows(size: float, rows: int) -> int:
    """`val_set_size` and `test_set_size`: a share below 1, else a count. A share is at least one row."""
    return int(size) if size >= 1 else max(1, round(size * rows)) if size > 0 else 0


def split_units(
    units: Sequence[list[int]],
    dataset_sha256: str,
    seed: int,
    validation: int,
    test: int,
    stratum_of: Callable[[list[int]], str] | None = None,
) -> dict[str, list[int]]:
    """Rows by split, each in ascending order.

    Args:
        units: rows that stay together.
        dataset_sha256: hash of the data set.
        seed: the experiment's.
        validation: rows wanted; fewer where whole units do not fill it.
        test: rows wanted.
        stratum_of: the class of a unit; every split gets its share of each.

    Raises:
        SkillError: InvalidDataset where a split that is wanted would be empty.
    """
    rows = sum(map(len, units))
    if validation + test >= rows:
        raise invalid(
            f"{validation} validation and {test} test rows leave none of {rows} to train on; "
            "lower dataset.val_set_size and dataset.test_set_size"
        )
    left = in_random_order(units, dataset_sha256, seed, "split")
    if stratum_of is not None:
        left = evenly_spread(left, stratum_of)
    wanted = {"test": test, "validation": validation}
    if len(left) < 1 + sum(count > 0 for count in wanted.values()):
        raise invalid(
            f"the {rows} rows form only {len(left)} groups that must stay together (equal or nearly equal "
            "rows, or one value of dataset.group_by), too few for train, validation and test"
        )
    splits: dict[str, list[int]] = {}
    for name, count in wanted.items():
        reserved = 1 + sum(
            count > 0 for other, count in wanted.items() if other not in splits and other != name
        )
        taken, left = _take(left, count, reserved)
        splits[name] = sorted(row for unit in taken for row in unit)
    splits["train"] = sorted(row for unit in left for row in unit)
    return {name: splits[name] for name in ("train", "validation", "test")}


def evenly_spread(units: Sequence[list[int]], stratum_of: Callable[[list[int]], str]) -> list[list[int]]:
    """The units of each class in their order, at even distances: any stretch has its share of every class."""
    classes: dict[str, list[list[int]]] = defaultdict(list)
    for unit in units:
        classes[stratum_of(unit)].append(unit)
    places = [
        ((place + 0.5) / len(members), name, unit)
        for name, members in classes.items()
        for place, unit in enumerate(members)
    ]
    return [unit for _, _, unit in sorted(places, key=lambda entry: entry[:2])]


def _take(units: list[list[int]], count: int, reserved: int) -> tuple[list[list[int]], list[list[int]]]:
    """Whole units up to `count` rows, at least one unit; `reserved` units are left for the other splits."""
    taken: list[list[int]] = []
    left: list[list[int]] = []
    room = count
    for unit in units:
        may_take = len(units) - len(taken) > reserved
        if may_take and len(unit) <= room:
            taken.append(unit)
            room -= len(unit)
        else:
            left.append(unit)
    if count > 0 and not taken:
        smallest = min(left, key=len)
        taken = [smallest]
        left = [unit for unit in left if unit is not smallest]
    return taken, left
