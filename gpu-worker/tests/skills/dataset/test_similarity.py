"""Rows that are alike: near-duplicates as brute force finds them, and nothing else."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from belay_gpu.skills.dataset.shingles import shingles, similarity
from belay_gpu.skills.dataset.similarity import Clusters, find_alike

words = st.text(alphabet="abcd ", min_size=1, max_size=60)


def brute_force(rows: list[str], threshold: float) -> list[int]:
    clusters = Clusters(len(rows))
    sets = [shingles(" ".join(row.lower().split())) for row in rows]
    for a in range(len(rows)):
        for b in range(a):
            if similarity(sets[a], sets[b]) >= threshold:
                clusters.join(a, b)
    return clusters.roots()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    bases=st.lists(words, min_size=1, max_size=6), threshold=st.sampled_from([0.6, 0.8, 0.95]), data=st.data()
)
def test_near_duplicates_are_those_of_brute_force(
    bases: list[str], threshold: float, data: st.DataObject
) -> None:
    rows: list[str] = []
    for base in bases:
        rows.append(base)
        for _ in range(data.draw(st.integers(0, 3))):
            place = data.draw(st.integers(0, len(base) - 1))
            rows.append(base[:place] + data.draw(st.sampled_from("abcd")) + base[place + 1 :])
    assert find_alike(rows, threshold).near == brute_force(rows, threshold)


def test_rows_of_one_template_are_not_alike() -> None:
    rows = [
        f"user : give {name} {n} coins call :\npay(to={name}, amount={n})"
        for name in ("olga", "emil")
        for n in range(9)
    ]
    assert find_alike(rows, 0.95).near == list(range(len(rows)))


def test_case_and_spaces_do_not_make_a_difference() -> None:
    assert find_alike(["Give Olga  five", "give olga five\n", "give olga six"], 0.95).exact == [0, 0, 2]


def test_one_letter_in_a_long_text_is_near() -> None:
    text = " ".join(f"word{n}" for n in range(80))
    found = find_alike([text, text.replace("word40", "word4o"), "else"], 0.95)
    assert (found.exact, found.near) == ([0, 1, 2], [0, 0, 2])


def test_a_thousand_rows_of_which_a_third_are_near_copies() -> None:
    rng = random.Random(3)
    base = [
        " ".join(
            rng.choice("olga emil coins bricks fox dog shed".split()) + str(rng.randrange(1000))
            for _ in range(60)
        )
        for _ in range(700)
    ]
    copies = [row.replace(row.split()[30], "changed", 1) for row in base[:300]]
    near = find_alike(base + copies, 0.9).near
    assert near == [*range(700), *range(300)]
