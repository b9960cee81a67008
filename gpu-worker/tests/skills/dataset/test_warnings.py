"""Warnings in words: verbs agree with their counts, and what there is none of is left out."""

from __future__ import annotations

import pytest

from tests.skills.dataset.conftest import Rows, Run, Write, pairs

LONG = [
    {**row, "completion": "".join(f" {(n + place) * 104729 % 99991}" for place in range(1, 16))}
    for n, row in enumerate(pairs(1000)[::50])
]


def nearly(rows: Rows) -> Rows:
    return [{**row, "completion": row["completion"] + "x"} for row in rows]


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        (LONG[:1], "1 row repeats another; such rows share a split ("),
        (LONG[:2], "2 rows repeat another; such rows share a split ("),
        (nearly(LONG[:1]), "1 row nearly repeats another; such rows share a split ("),
        ([*LONG[:2], *nearly(LONG[5:6])], "2 rows repeat another and 1 nearly does; such rows share"),
        ([*LONG[:1], *nearly(LONG[5:7])], "1 row repeats another and 2 nearly do; such rows share"),
    ],
)
def test_rows_that_repeat_others(added: Rows, expected: str, write: Write, run: Run) -> None:
    told = run(write([*LONG, *added])).profile.warnings
    assert [line[: len(expected)] for line in told if "share a split" in line] == [expected]


@pytest.mark.parametrize(
    ("copies", "expected"),
    [
        (LONG[:1], "leakage: 1 row of the validation or test file occurs in an earlier split, so scores"),
        (nearly(LONG[:2]), "leakage: 2 rows of the validation or test file nearly occur in an earlier split"),
        (
            [*LONG[:2], *nearly(LONG[5:6])],
            "leakage: 2 rows of the validation or test file occur in an earlier split and 1 nearly does, so",
        ),
    ],
)
def test_rows_of_an_earlier_split(copies: Rows, expected: str, write: Write, run: Run) -> None:
    test = write([{"prompt": "else:", "completion": " none"}, *copies], "test.jsonl")
    told = run(write(LONG), test_path=test).profile.warnings
    assert [line[: len(expected)] for line in told if line.startswith("leakage")] == [expected]


def test_one_row_that_is_cut(write: Write, run: Run) -> None:
    rows = [*pairs(20), {"prompt": "olga:", "completion": " bricks" * 40}]
    told = run(write(rows), cutoff_len=40, truncation="keep_start").profile.warnings
    assert "1 row (4.8 %) has more than 40 tokens and was cut at its end" in told
