"""What the workers serve is what the contract names, with its argument and result."""

import inspect
from collections.abc import Iterator
from typing import Any, get_type_hints

import pytest

from belay_gpu.contracts import ACTIVITY_TYPES
from belay_gpu.worker import activities, ml_activities


def served(*classes: type) -> Iterator[tuple[str, Any]]:
    for cls in classes:
        for _, method in inspect.getmembers(cls, inspect.isfunction):
            definition = getattr(method, "__temporal_activity_definition", None)
            if definition is not None:
                yield definition.name, method


SERVED = dict(served(activities.EngineActivities, ml_activities.MlActivities))


def test_every_activity_of_the_contract_is_served_and_no_other() -> None:
    assert sorted(SERVED) == sorted(ACTIVITY_TYPES)


@pytest.mark.parametrize("name", ACTIVITY_TYPES)
def test_argument_and_result_are_those_of_the_contract(name: str) -> None:
    hints = get_type_hints(SERVED[name])
    result = hints.pop("return")
    argument, expected = ACTIVITY_TYPES[name]
    assert list(hints.values()) == [argument]
    assert result in (expected, type(expected)), f"{name} answers with {result}"
