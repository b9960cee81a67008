"""What the profile counts, and what the counting costs."""

from __future__ import annotations

from belay_gpu.skills.dataset.files import Row
from belay_gpu.skills.dataset.profile import duplicates
from belay_gpu.skills.dataset.similarity import Likeness

COUNT = 300


class Counted(int):
    """A row number that counts how often any was looked up."""

    lookups = 0

    def __hash__(self) -> int:
        Counted.lookups += 1
        return int(self)


def test_duplicates_are_looked_up_once_for_each_row() -> None:
    rows = [Row("data.jsonl", "line", number + 1, {}) for number in range(COUNT)]
    exact = [0] * (COUNT // 2) + list(range(COUNT // 2, COUNT))
    found = duplicates([Counted(row) for row in range(COUNT)], Likeness(exact, [0] * COUNT), rows)
    assert (found.exact, found.near) == (COUNT // 2 - 1, COUNT // 2)
    assert found.examples[0] == "data.jsonl, line 1 and data.jsonl, line 2"
    assert Counted.lookups <= 2 * COUNT
