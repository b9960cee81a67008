"""Which rows say nearly the same: Jaccard similarity of 5-character shingles, without comparing all pairs.

Two sets of similarity t differ in few elements: |x ^ y| <= (1 - t) / (1 + t) * (|x| + |y|). So when the
universe is cut into one part more than that number, the sets agree wholly in at least one part. A row is
therefore filed under the hash of each of its parts, and only rows filed together are compared (Arasu, Ganti
and Kaushik, "Efficient exact set-similarity joins", 2006). Nothing is random; and rows of
one template, alike but not nearly equal, hardly ever meet.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SHINGLE = 5
# Rows filed together that are each compared: only texts that repeat by the hundred have longer files.
LONGEST_FILE = 256

Hashes = NDArray[np.uint64]


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


def find_alike(texts: Sequence[str], threshold: float) -> Likeness:
    """Clusters of equal rows, and of rows whose similarity is at least `threshold`."""
    normal = [" ".join(text.lower().split()) for text in texts]
    first: dict[bytes, int] = {}
    digests = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in normal)
    exact = [first.setdefault(digest, row) for row, digest in enumerate(digests)]
    distinct = [row for row, root in enumerate(exact) if row == root]
    clusters = Clusters(len(texts))
    for row, root in enumerate(exact):
        clusters.join(row, root)

    @lru_cache(maxsize=1 << 14)
    def shingles_of(row: int) -> Hashes:
        return shingles(normal[row])

    for a, b in _meetings(distinct if threshold < 1 else [], shingles_of, threshold):
        if clusters.find(a) != clusters.find(b) and similarity(shingles_of(a), shingles_of(b)) >= threshold:
            clusters.join(a, b)
    return Likeness(exact, clusters.roots())


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


def _mix(values: Hashes) -> Hashes:
    """Spreads neighbouring numbers over all 64 bits (the finaliser of SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _meetings(
    distinct: Sequence[int], shingles_of: Callable[[int], Hashes], threshold: float
) -> Iterator[tuple[int, int]]:
    """Pairs of rows that are filed together at least once."""
    files: list[Hashes] = []
    owners: list[NDArray[np.int64]] = []
    for row in distinct:
        hashes = shingles_of(row)
        for size_class in _size_classes(len(hashes), threshold):
            keys = _signatures(hashes, size_class, threshold)
            files.append(keys)
            owners.append(np.full(len(keys), row, dtype=np.int64))
    if not files:
        return
    keys, rows = np.concatenate(files), np.concatenate(owners)
    order = np.lexsort((rows, keys))
    keys, rows = keys[order], rows[order]
    starts = np.flatnonzero(np.r_[True, keys[1:] != keys[:-1]])
    ends = np.r_[starts[1:], len(keys)]
    for start, end in zip(starts[ends - starts > 1], ends[ends - starts > 1], strict=True):
        together = rows[start : min(end, start + LONGEST_FILE)].tolist()
        for place, b in enumerate(together):
            for a in together[:place]:
                yield a, b
        for b in rows[start + LONGEST_FILE : end].tolist():
            yield together[0], b


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
