"""Which sets of shingles are compared at all: those that are filed together.

Two sets of similarity t differ in few elements: |x ^ y| <= (1 - t) / (1 + t) * (|x| + |y|). So when the
universe is cut into one part more than that number, the sets agree wholly in at least one part. A row is
therefore filed under the hash of each of its parts, and only rows filed together are compared (Arasu, Ganti
and Kaushik, "Efficient exact set-similarity joins", 2006). Nothing is random.

A large set has more parts than are needed, as hashes spread what differs at random: some parts get none of
it, others several pieces. So it is filed under its first parts only, and under none that holds next to
nothing, in which rows meet that have little in common; `filed_parts` says how many are enough.
"""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache

import numpy as np
from numpy.typing import NDArray

from belay_gpu.skills.dataset.shingles import Hashes, mix

# Parts in which two large sets at the threshold may be expected to meet: they miss by e**-SHARED_PARTS.
SHARED_PARTS = 24
# Shingles of a part under which a large set is filed: nearly every text has some such as " the ".
FEWEST_SHINGLES = 3
# No signature is this number but with a chance of 2**-64, in which case a row is filed once less.
NOT_FILED = np.uint64(0)

Rows = NDArray[np.int32]


def files_of(
    rows: Iterable[int], shingles_of: Callable[[int], Hashes], threshold: float
) -> Iterator[list[int]]:
    """Rows that are filed together, each file in ascending order; the smallest files first."""
    members: dict[int, array[int]] = defaultdict(lambda: array("i"))
    signatures: dict[int, array[int]] = defaultdict(lambda: array("Q"))
    for row in sorted(rows):
        hashes = shingles_of(row)
        for size_class in _size_classes(len(hashes), threshold):
            members[size_class].append(row)
            signatures[size_class].frombytes(signatures_of(hashes, size_class, threshold).tobytes())
    shared: list[tuple[Hashes, Rows, Rows]] = []
    for size_class in sorted(members):
        owners = np.array(members.pop(size_class), dtype=np.int32)
        keys = np.frombuffer(signatures.pop(size_class), dtype=np.uint64).reshape(len(owners), -1)
        # Signatures of different parts never agree, so one part at a time is enough.
        shared += [_filed_together(part, owners) for part in keys.T]
    if not shared:
        return
    names, sizes, filed = (np.concatenate(each) for each in zip(*shared, strict=True))
    del shared
    starts = np.cumsum(sizes) - sizes
    for at in np.lexsort((names, sizes)):
        yield filed[starts[at] : starts[at] + sizes[at]].tolist()


def _filed_together(keys: Hashes, owners: Rows) -> tuple[Hashes, Rows, Rows]:
    """The keys that several rows have, how many rows each, and those rows, in ascending order for each key.

    Args:
        keys: [rows].
        owners: [rows], ascending.
    """
    filed = np.flatnonzero(keys != NOT_FILED)
    filed = filed[np.argsort(keys[filed], kind="stable")]
    keys, owners = keys[filed], owners[filed]
    starts = np.flatnonzero(np.diff(keys, prepend=~keys[:1]))
    sizes = np.diff(starts, append=len(keys)).astype(np.int32)
    several = sizes > 1
    return keys[starts][several], sizes[several], owners[np.repeat(several, sizes)]


def _size_classes(size: int, threshold: float) -> tuple[int, ...]:
    """Sets of similarity t differ in size by 1/t at most, so they share one of their two classes."""
    if size == 0:
        return ()
    exponent = math.floor(math.log(size) / -math.log(threshold) + 1e-9)
    return exponent, exponent + 1


def signatures_of(hashes: Hashes, size_class: int, threshold: float) -> Hashes:
    """One for each part under which a set is filed, as many for every set of a class; else `NOT_FILED`."""
    largest = threshold ** -(size_class + 1)
    differing = math.floor((1 - threshold) / (1 + threshold) * 2 * largest + 1e-9)
    parts = differing + 1
    count = min(parts, filed_parts(threshold))
    part = hashes % np.uint64(parts)
    ours = part < count
    part = part[ours].astype(np.intp)
    contents = np.zeros(count, dtype=np.uint64)
    np.add.at(contents, part, mix(hashes[ours]))
    names = np.arange(count, dtype=np.uint64) + np.uint64((size_class << 32) % (1 << 64))
    signatures = mix(contents ^ mix(names))
    if count < parts:
        signatures[np.bincount(part, minlength=count) < FEWEST_SHINGLES] = NOT_FILED
    return signatures


@cache
def filed_parts(threshold: float) -> int:
    """Parts under which a large set is filed, so that alike sets miss each other with a chance of e**-24.

    Sets x and y whose mean size is a share f of their class's largest spread at most f * parts elements that
    differ, and at least f * parts * t / (1 - t) that they have in common; f is from t**2 to 1. So a part has
    none of the former with a chance of exp(-f), and of the latter as many as Poisson's distribution says.
    What parts hold is negatively associated (Dubhashi and Ranjan, "Balls and bins: a study in negative
    dependence", 1998): that not one of them serves is less probable than if they were independent.
    """
    chance = min(
        math.exp(-fill) * _at_least(FEWEST_SHINGLES, fill * threshold / (1 - threshold))
        for fill in (threshold**2, 1.0)
    )
    # Low thresholds need more parts than any text has: it is then filed under all of them.
    return math.ceil(SHARED_PARTS / max(chance, 1e-9))


def _at_least(count: int, mean: float) -> float:
    """The chance that a Poisson distribution of this mean has for `count` or more."""
    return 1 - math.exp(-mean) * sum(mean**n / math.factorial(n) for n in range(count))
