"""Python accepts, refuses and writes what TypeScript does: both read test/contract/fixtures."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from temporalio.contrib.pydantic import pydantic_data_converter

from belay_gpu.contracts import models

FOLDER = Path(__file__).parents[3] / "test" / "contract" / "fixtures"
FIXTURES: list[dict[str, Any]] = [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]
CONVERTER = pydantic_data_converter.payload_converter


def cases(kind: str) -> list[Any]:
    return [
        pytest.param(getattr(models, fixture["type"]), case, id=f"{fixture['type']}: {case['name']}")
        for fixture in FIXTURES
        for case in fixture[kind]
    ]


def typed(value: Any) -> Any:
    """Tells true from 1 and 1.0 from "1", which == in Python does not; 1 and 1.0 are one JSON number."""
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    if isinstance(value, bool):
        return ("bool", value)
    return ("number", value) if isinstance(value, int | float) else value


def receive(model: Any, value: Any) -> Any:
    payload = CONVERTER.to_payload(value)
    return CONVERTER.from_payload(payload, model)


def send(value: Any) -> Any:
    return json.loads(CONVERTER.to_payload(value).data)


def test_fixtures_are_found() -> None:
    assert len(FIXTURES) > 20


@pytest.mark.parametrize(("model", "case"), cases("valid"))
def test_accepts_and_sends_what_typescript_does(model: Any, case: dict[str, Any]) -> None:
    sent = send(receive(model, case["value"]))
    assert typed(sent) == typed(case.get("canonical", case["value"]))
    assert typed(send(receive(model, sent))) == typed(sent)


@pytest.mark.parametrize(("model", "case"), cases("invalid"))
def test_refuses_what_typescript_does(model: Any, case: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        receive(model, case["value"])


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_number_that_json_cannot_carry_is_refused_where_it_arises(number: float) -> None:
    with pytest.raises(ValidationError):
        models.TrainingHeartbeat(trial=0, step=1, total_steps=2, loss=number, checkpoint=None)
    with pytest.raises(ValidationError):
        models.RungReport(trial=0, rung=0, step=1, value=None, metrics={"eval_loss": number})
