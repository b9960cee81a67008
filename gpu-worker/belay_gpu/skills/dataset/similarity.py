"""Which rows say nearly the same: Jaccard similarity of 5-character shingles, without comparing all pairs.

Two sets of similarity t differ in few elements: |x ^ y| <= (1 - t) / (1 + t) * (|x| + |y|). So when the
universe is cut into one part more than that number, the sets agree wholly in at least one part. A row is
therefore filed under the hash of each of its parts, and only rows filed together are compared (Arasu, Ganti
and Kaushik, "Efficient exact set-similarity joins", 2006). Nothing is random.

A large set has more parts than are needed, as hashes spread what differs at random: some parts get none of
it, others several pieces. So it is filed under its first parts only, and under none that holds next to
nothing, in which rows meet that have little in common; `filed_parts` says how many are enough. The similarity
is always that of the whole sets.

Rows with much text in common, alike but not nearly equal, meet in the parts that hold nothing of their own,
as all rows of their kind do. Near-duplicates meet in the other parts as well, where they are few. So the
smallest files come first, and a row is compared in vain only so often: the cost grows with the rows.
"""

from __future__ import annotations

import hashlib
import math
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

SHINGLE = 5
# Rows filed together that are each compared: only texts that repeat by the hundred have longer files.
LONGEST_FILE = 256
# Rows that a row is found unlike before it is compared no more.
MOST_UNLIKE = 64
# Parts in which two large sets at the threshold may be expected to meet: they miss by e**-SHARED_PARTS.
SHARED_PARTS = 24
# Shingles of a part under which a large set is filed: nearly every text has some such as " the ".
FEWEST_SHINGLES = 3
# Shingles that are kept for comparisons, of 8 bytes each.
CACHED_SHINGLES = 1 << 22
# No signature is this number but with a chance of 2**-64, in which case a row is filed once less.
NOT_FILED = np.uint64(0)

Hashes = NDArray[np.uint64]
Rows = NDArray[np.int32]
Measure = Callable[[Hashes, Hashes], float]


class Clusters:
    """Union-find over row numbers; the root of a cluster is its smallest row."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def find(self, row: int) -> int:
        while self._parent[row] != row:
            self._parent[row] = self._parent[self._parent[row]]
            row = self._parent[row]
        return row

    def join(self, a: int, b: int) -> None:
        a, b = self.find(a), self.find(b)
        self._parent[max(a, b)] = min(a, b)

    def roots(self) -> list[int]:
        """The root of every row."""
        return [self.find(row) for row in range(len(self._parent))]


@dataclass(frozen=True)
class Likeness:
    """`exact[i]`, `near[i]`: the first row that row i repeats, or nearly so; itself where there is none."""

    exact: list[int]
    near: list[int]


def shingles(text: str) -> Hashes:
    """The set of a text's shingles as sorted 64-bit hashes; a shorter text is one shingle."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    width = min(SHINGLE, len(codes))
    if width == 0:
        return np.empty(0, dtype=np.uint64)
    windows = np.zeros(len(codes) - width + 1, dtype=np.uint64)
    for offset in range(width):
        windows = windows * np.uint64(0x100000001B3) + codes[offset : len(codes) - width + 1 + offset]
    hashes = np.sort(_mix(windows))  # np.unique takes five times as long
    return hashes[np.diff(hashes, prepend=~hashes[:1]) != 0]


def similarity(a: Hashes, b: Hashes) -> float:
    """Jaccard similarity."""
    if len(a) == 0 and len(b) == 0:
        return 1.0
    shared = len(np.intersect1d(a, b, assume_unique=True))
    return shared / (len(a) + len(b) - shared)


def find_alike(texts: Sequence[str], threshold: float, own: Sequence[str] | None = None) -> Likeness:
    """Clusters of equal rows, and of rows whose similarity is at least `threshold`.

    Args:
        texts: of the rows; these are equal in equal rows.
        threshold: above 0; at 1, only equal rows are alike.
        own: by row, the part of the text that similarity is told by; None: all of it.
    """
    first: dict[bytes, int] = {}
    exact = [first.setdefault(_digest(_normal(text)), row) for row, text in enumerate(texts)]
    clusters = Clusters(len(texts))
    for row, root in enumerate(exact):
        clusters.join(row, root)
    if threshold < 1:
        compared = texts if own is None else own
        distinct = {row: _normal(compared[row]) for row in first.values()}
        join_alike(clusters, distinct, threshold)
    return Likeness(exact, clusters.roots())


def _normal(text: str) -> str:
    return " ".join(text.lower().split())


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def join_alike(
    clusters: Clusters, texts: Mapping[int, str], threshold: float, measure: Measure = similarity
) -> None:
    """Joins rows whose similarity is at least `threshold`, by at most `MOST_UNLIKE` comparisons a row that
    find them unlike.

    Args:
        clusters: of the rows; rows that are in one cluster already are not compared.
        texts: by row.
        threshold: below 1.
        measure: the similarity of two sets of shingles.
    """

    characters = sum(map(len, texts.values()))

    @lru_cache(maxsize=1 + CACHED_SHINGLES * len(texts) // max(1, characters))
    def shingles_of(row: int) -> Hashes:
        return shingles(texts[row])

    unlike: dict[int, set[int]] = defaultdict(set)
    in_vain: dict[int, int] = dict.fromkeys(texts, 0)
    for file in _files(texts, shingles_of, threshold):
        left = [row for row in file if in_vain[row] < MOST_UNLIKE]
        if len({clusters.find(row) for row in left}) < 2:
            continue
        for a, b in _pairs(left):
            if b in unlike[a] or clusters.find(a) == clusters.find(b):
                continue
            if max(in_vain[a], in_vain[b]) >= MOST_UNLIKE:
                continue
            if measure(shingles_of(a), shingles_of(b)) >= threshold:
                clusters.join(a, b)
            else:
                unlike[a].add(b)
                in_vain[a] += 1
                in_vain[b] += 1


def _mix(values: Hashes) -> Hashes:
    """Spreads neighbouring numbers over all 64 bits (the finaliser of SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _files(
    rows: Iterable[int], shingles_of: Callable[[int], Hashes], threshold: float
) -> Iterator[list[int]]:
    """Rows that are filed together, each file in ascending order; the smallest files first."""
    members: dict[int, array[int]] = defaultdict(lambda: array("i"))
    signatures: dict[int, array[int]] = defaultdict(lambda: array("Q"))
    for row in sorted(rows):
        hashes = shingles_of(row)
        for size_class in _size_classes(len(hashes), threshold):
            members[size_class].append(row)
            signatures[size_class].frombytes(_signatures(hashes, size_class, threshold).tobytes())
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


def _pairs(file: Sequence[int]) -> Iterator[tuple[int, int]]:
    """All pairs of the first `LONGEST_FILE` rows; the others each with the first."""
    for place, b in enumerate(file[:LONGEST_FILE]):
        for a in file[:place]:
            yield a, b
    for b in file[LONGEST_FILE:]:
        yield file[0], b


def _size_classes(size: int, threshold: float) -> tuple[int, ...]:
    """Sets of similarity t differ in size by 1/t at most, so they share one of their two classes."""
    if size == 0:
        return ()
    exponent = math.floor(math.log(size) / -math.log(threshold) + 1e-9)
    return exponent, exponent + 1


def _signatures(hashes: Hashes, size_class: int, threshold: float) -> Hashes:
    """One for each part under which a set is filed, as many for every set of a class; else `NOT_FILED`."""
    largest = threshold ** -(size_class + 1)
    differing = math.floor((1 - threshold) / (1 + threshold) * 2 * largest + 1e-9)
    parts = differing + 1
    count = min(parts, filed_parts(threshold))
    part = hashes % np.uint64(parts)
    ours = part < count
    part = part[ours].astype(np.intp)
    contents = np.zeros(count, dtype=np.uint64)
    np.add.at(contents, part, _mix(hashes[ours]))
    names = np.arange(count, dtype=np.uint64) + np.uint64((size_class << 32) % (1 << 64))
    signatures = _mix(contents ^ _mix(names))
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
