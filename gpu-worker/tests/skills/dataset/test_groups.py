"""`dataset.group_by` over values that JSON has no word for."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import nan
from typing import Any

import pytest

from tests.skills.dataset.conftest import Run, Write, pairs

MIDNIGHT = datetime(2024, 7, 26, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ([MIDNIGHT + timedelta(hours=n) for n in range(6)], '"2024-07-26 05:00:00+00:00"'),
        ([date(2024, 7, 1 + n) for n in range(6)], '"2024-07-06"'),
        ([Decimal(n) / 4 for n in range(6)], '"1.25"'),
        ([0.5, 1.5, 2.5, 3.5, 4.5, nan], "NaN"),
        ([0.5, 1.5, 2.5, 3.5, 4.5, None], "null"),
        ([bytes([97 + n]) for n in range(6)], "\"b'f'\""),
    ],
    ids=["timestamp", "date", "decimal", "nan", "null", "bytes"],
)
def test_groups_of_a_parquet_column(write: Write, run: Run, values: list[Any], shown: str) -> None:
    rows = [{**row, "who": values[n % 6]} for n, row in enumerate(pairs(60))]
    validation = write([{**row, "who": values[5]} for row in pairs(64)[60:]], "val.parquet")
    found = run(write(rows, "data.parquet"), group_by="who", val_path=validation, test_set_size=0.2)
    assert found.profile.groups is not None and found.profile.groups.count == 6
    group_of = {row["prompt"]: n % 6 for n, row in enumerate(rows)}
    train, test = ({group_of[prompt] for prompt in found.splits[name].prompts} for name in ("train", "test"))
    assert train and test and not train & test
    assert f"(group {shown})" in found.profile.leakage.examples[0]
