"""The skills as activities: what is logged of a call names its run, and its trials where there are any."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.testing import ActivityEnvironment

from belay_gpu.contracts import ArtifactRef, AskInput, CompareInput
from belay_gpu.logs import JsonLines
from belay_gpu.skills.hpo.record import Record
from belay_gpu.worker.ml_activities import MlActivities, MlSkills
from belay_gpu.worker.store import ObjectStore

REF = ArtifactRef(uri="s3://belay/x", sha256="0" * 64, size_bytes=1, media_type="application/json")


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("belay_gpu")
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


def broken(*_: Any) -> Any:
    logging.getLogger("belay_gpu.test").warning("said in the thread")
    raise RuntimeError("oops")


def activities() -> MlActivities:
    record = cast(Record, SimpleNamespace(tells=broken))
    return MlActivities(MlSkills(record, cast(ObjectStore, SimpleNamespace(fetch=broken)), None, "cpu"))


async def logged(lines: io.StringIO, activity: Any, request: Any) -> list[dict[str, Any]]:
    with pytest.raises(Exception, match="oops"):
        await ActivityEnvironment().run(activity, request)
    return [json.loads(line) for line in lines.getvalue().splitlines()]


async def test_a_comparison_is_logged_with_the_run_whose_workflow_asked_for_it(lines: io.StringIO) -> None:
    request = CompareInput(base=REF, best=REF, metric="eval_loss", seed=1)
    said = await logged(lines, activities().eval_compare, request)
    assert [line["msg"] for line in said] == ["said in the thread", "a defect ended one activity"]
    assert {line["run"] for line in said} == {ActivityEnvironment().info.workflow_id}


async def test_proposals_are_logged_with_their_trials(lines: io.StringIO) -> None:
    request = AskInput.model_validate(
        {
            "run": "r1",
            "search": {"sampler": "tpe", "num_trials": 8},
            "space": {"r": {"choice": [4, 8]}},
            "trials": [4, 5],
            "tellCount": 2,
            "pending": [],
        }
    )
    said = await logged(lines, activities().hpo_ask, request)
    assert len(said) == 2
    assert all((line["run"], line["trials"]) == ("r1", [4, 5]) for line in said)
