"""Long texts: near-duplicates as brute force finds them, at little cost where nothing is alike."""

from __future__ import annotations

import random
import tracemalloc

import pytest

from belay_gpu.skills.dataset.filing import filed_parts
from belay_gpu.skills.dataset.shingles import SHINGLE, Hashes, similarity
from belay_gpu.skills.dataset.similarity import Clusters, find_alike, join_alike
from tests.skills.dataset.test_similarity import brute_force

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def vocabulary(rng: random.Random, count: int = 3000) -> list[str]:
    return ["".join(rng.choices(LETTERS, k=rng.randint(2, 9))) for _ in range(count)]


@pytest.mark.parametrize("threshold", [0.7, 0.85, 0.95])
def test_long_near_duplicates_are_those_of_brute_force(threshold: float) -> None:
    rng = random.Random(5)
    words = vocabulary(rng)
    common = rng.choices(words, k=300)
    rows: list[str] = []
    for kind in range(12):
        own = rng.choices(words, k=300)
        base = [*common, *own] if kind % 2 else [*own, *own[:200], *rng.choices(words, k=100)]
        length = SHINGLE * len(base)
        for _ in range(4):
            # As many changes as bring the copy to either side of the threshold.
            changes = round(rng.uniform(0.3, 1.2) * (1 - threshold) / (1 + threshold) * length / 10)
            copy = list(base)
            for place in rng.sample(range(len(base)), changes):
                copy[place] = rng.choice(words)
            rows.append(" ".join(copy))
    expected = brute_force(rows, threshold)
    assert find_alike(rows, threshold).near == expected
    assert 12 < len(set(expected)) < len(rows), "some are alike, and some not quite"


def test_long_texts_that_are_not_alike_are_hardly_compared_nor_weigh_much() -> None:
    rng = random.Random(6)
    words = vocabulary(rng)
    texts = {row: " ".join(rng.choices(words, k=1000)) for row in range(100)}
    compared = 0

    def counted(a: Hashes, b: Hashes) -> float:
        nonlocal compared
        compared += 1
        return similarity(a, b)

    tracemalloc.start()
    try:
        join_alike(Clusters(len(texts)), texts, 0.85, counted)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert compared < len(texts) / 10
    assert peak < 12 * sum(map(len, texts.values())), (
        "the shingles that are kept for comparisons, and a little"
    )


def test_the_parts_of_a_large_set_are_few_where_near_duplicates_are_near() -> None:
    assert [filed_parts(threshold) for threshold in (0.99, 0.95, 0.85)] == [66, 66, 71]
    assert filed_parts(0.01) > 10**9
