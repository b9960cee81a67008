"""Which rows say nearly the same: Jaccard similarity of 5-character shingles, without comparing all pairs.

Two sets of similarity t differ in few elements: |x ^ y| <= (1 - t) / (1 + t) * (|x| + |y|). So when the
universe is cut into one part more than that number, the sets agree wholly in at least one part. A row is
therefore filed under the hash of each of its parts, and only rows filed together are compared (Arasu, Ganti
and Kaushik, "Efficient exact set-similarity joins", 2006). Nothing is random.

Rows with much text in common, alike but not nearly equal, meet in the parts that hold nothing of their own,
as all rows of their kind do. Near-duplicates meet in the other parts as well, where they are few. So the
smallest files come first, and a row is compared in vain only so often: the cost grows with the rows.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SHINGLE = 5
# Rows filed together that are each compared: only texts that repeat by the hundred have longer files.
LONGEST_FILE = 256
# Rows that a row is found unlike before it is compared no more.
MOST_UNLIKE = 64

Hashes = NDArray[np.uint64]
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
    return np.unique(_mix(windows))


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

    @lru_cache(maxsize=1 << 14)
    def shingles_of(row: int) -> Hashes:
        return shingles(texts[row])

    unlike: dict[int, set[int]] = {row: set() for row in texts}
    for file in _files(texts, shingles_of, threshold):
        left = [row for row in file if len(unlike[row]) < MOST_UNLIKE]
        if len({clusters.find(row) for row in left}) < 2:
            continue
        for a, b in _pairs(left):
            if b in unlike[a] or clusters.find(a) == clusters.find(b):
                continue
            if max(len(unlike[a]), len(unlike[b])) >= MOST_UNLIKE:
                continue
            if measure(shingles_of(a), shingles_of(b)) >= threshold:
                clusters.join(a, b)
            else:
                unlike[a].add(b)
                unlike[b].add(a)


def _mix(values: Hashes) -> Hashes:
    """Spreads neighbouring numbers over all 64 bits (the finaliser of SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _files(
    rows: Iterable[int], shingles_of: Callable[[int], Hashes], threshold: float
) -> Iterator[list[int]]:
    """Rows that are filed together, each file in ascending order; the smallest files first."""
    files: list[Hashes] = []
    owners: list[NDArray[np.int64]] = []
    for row in rows:
        hashes = shingles_of(row)
        for size_class in _size_classes(len(hashes), threshold):
            keys = _signatures(hashes, size_class, threshold)
            files.append(keys)
            owners.append(np.full(len(keys), row, dtype=np.int64))
    if not files:
        return
    keys, filed = np.concatenate(files), np.concatenate(owners)
    order = np.lexsort((filed, keys))
    keys, filed = keys[order], filed[order]
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    sizes = np.diff(np.r_[starts, len(keys)])
    starts, sizes = starts[sizes > 1], sizes[sizes > 1]
    for at in np.argsort(sizes, kind="stable"):
        yield filed[starts[at] : starts[at] + sizes[at]].tolist()


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
    largest = threshold ** -(size_class + 1)
    differing = math.floor((1 - threshold) / (1 + threshold) * 2 * largest + 1e-9)
    parts = differing + 1
    part = hashes % np.uint64(parts)
    order = np.argsort(part, kind="stable")
    part, ordered = part[order], hashes[order]
    starts = np.flatnonzero(np.r_[True, part[1:] != part[:-1]])
    contents = np.zeros(parts, dtype=np.uint64)
    contents[part[starts]] = np.add.reduceat(_mix(ordered), starts)
    names = np.arange(parts, dtype=np.uint64) + np.uint64((size_class << 32) % (1 << 64))
    return _mix(contents ^ _mix(names))
