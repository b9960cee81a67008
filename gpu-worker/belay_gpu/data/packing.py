"""Which rows share a sequence when `dataset.packing` is on."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence


def pack_rows(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Best-fit-decreasing bins of row indices; a pure function of the lengths.

    Args:
        lengths: tokens of each row.
        capacity: tokens of a bin; a longer row has a bin of its own.

    Returns:
        Bins in order of their first row, each with its rows in order. Every row is in exactly one bin.
    """
    bins: list[list[int]] = []
    free: list[tuple[int, int]] = []  # (room left, bin), sorted
    for row in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        at = bisect_left(free, (int(lengths[row]), -1))
        if at < len(free):
            room, chosen = free.pop(at)
        else:
            room, chosen = max(capacity, int(lengths[row])), len(bins)
            bins.append([])
        bins[chosen].append(row)
        insort(free, (room - int(lengths[row]), chosen))
    return sorted((sorted(rows) for rows in bins), key=lambda rows: rows[0])
