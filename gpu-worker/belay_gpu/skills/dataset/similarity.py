"""Which rows say nearly the same: Jaccard similarity of 5-character shingles, without comparing all pairs.

The similarity is always that of the whole sets; `filing` says which are compared.

Rows with much text in common, alike but not nearly equal, are filed together in the parts that hold nothing
of their own, as all rows of their kind are. Near-duplicates meet in the other parts as well, where they are
few. So the smallest files come first, and a row is compared in vain only so often: the cost grows with the
rows.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from belay_gpu.skills.dataset.filing import files_of
from belay_gpu.skills.dataset.shingles import Hashes, shingles, similarity

# Rows filed together that are each compared: only texts that repeat by the hundred have longer files.
LONGEST_FILE = 256
# Rows that a row is found unlike before it is compared no more.
MOST_UNLIKE = 64
# Shingles that are kept for comparisons, of 8 bytes each.
CACHED_SHINGLES = 1 << 22

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
    for file in files_of(texts, shingles_of, threshold):
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


def _pairs(file: Sequence[int]) -> Iterator[tuple[int, int]]:
    """All pairs of the first `LONGEST_FILE` rows; the others each with the first."""
    for place, b in enumerate(file[:LONGEST_FILE]):
        for a in file[:place]:
            yield a, b
    for b in file[LONGEST_FILE:]:
        yield file[0], b
