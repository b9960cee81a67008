"""The winner is one of the search's own finalists: both languages read test/contract/finalists.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from belay_gpu.contracts import SelectBestInput
from belay_gpu.skills.hpo.record import TrialRow
from belay_gpu.skills.hpo.select_best import select_best

FILE = Path(__file__).parents[3] / "test" / "contract" / "finalists.json"
CASES = json.loads(FILE.read_text())["cases"]


def row(trial: int, value: float, trainable_params: int | None) -> TrialRow:
    return TrialRow(trial, "completed", {}, False, 0, (), None, trial, value, trainable_params)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_ranks_as_the_search_does(case: dict[str, Any]) -> None:
    rows = [row(each["trial"], each["value"], each["trainableParams"]) for each in case["trials"]]
    request = SelectBestInput(run="run", metric="eval_loss", mode=case["mode"], replicates=1)
    assert [ranked.trial for ranked in select_best(request, rows).ranking] == case["order"]
