"""A text as the set of its 5-character shingles, and how alike two sets are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SHINGLE = 5

Hashes = NDArray[np.uint64]


def shingles(text: str) -> Hashes:
    """The set of a text's shingles as sorted 64-bit hashes; a shorter text is one shingle."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    width = min(SHINGLE, len(codes))
    if width == 0:
        return np.empty(0, dtype=np.uint64)
    windows = np.zeros(len(codes) - width + 1, dtype=np.uint64)
    for offset in range(width):
        windows = windows * np.uint64(0x100000001B3) + codes[offset : len(codes) - width + 1 + offset]
    hashes = np.sort(mix(windows))  # np.unique takes five times as long
    return hashes[np.diff(hashes, prepend=~hashes[:1]) != 0]


def similarity(a: Hashes, b: Hashes) -> float:
    """Jaccard similarity."""
    if len(a) == 0 and len(b) == 0:
        return 1.0
    shared = len(np.intersect1d(a, b, assume_unique=True))
    return shared / (len(a) + len(b) - shared)


def mix(values: Hashes) -> Hashes:
    """Spreads neighbouring numbers over all 64 bits (the finaliser of SplitMix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
