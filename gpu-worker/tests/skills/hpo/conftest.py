from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import TypeAdapter

from belay_gpu.contracts import Proposal, SearchSpace, SearchSpec, Tell, TellRung
from belay_gpu.skills.hpo.propose import propose
from belay_gpu.skills.hpo.record import Record
from tests.support.postgres import Rows, migrate, new_database, postgres

SAMPLERS = ("random", "grid", "tpe", "gp", "cmaes")
_numbers = itertools.count()


def space_of(**dimensions: Any) -> SearchSpace:
    """A space as it comes over the wire."""
    return TypeAdapter(SearchSpace).validate_json(json.dumps(dimensions))


NUMERIC = space_of(learning_rate={"loguniform": [2e-3, 3e-2]}, weight_decay={"uniform": [0, 0.1]})
MIXED = space_of(
    learning_rate={"loguniform": [2e-3, 3e-2]},
    r={"choice": [4, 8, 16]},
    use_rslora={"choice": [True, False]},
    target_modules={"choice": ["all-linear", ["q_proj", "v_proj"]]},
    max_steps={"int": [100, 300]},
    gradient_accumulation_steps={"logint": [1, 16]},
)
GRID = space_of(r={"choice": [4, 8, 16]}, lora_dropout={"choice": [0, 0.05]}, max_steps={"int": [1, 3]})


def space_for(sampler: str) -> SearchSpace:
    return GRID if sampler == "grid" else MIXED


def search_of(sampler: str, **keys: Any) -> SearchSpec:
    settings = {"sampler": sampler, "num_trials": 40, "n_startup_trials": 4, "seed": 7, **keys}
    return SearchSpec.model_validate(settings)


def loss(params: dict[str, Any]) -> float:
    """A bowl with its bottom at a rate of 6e-3."""
    rate = params.get("learning_rate", 1e-2)
    return (
        1
        + math.log(rate / 6e-3) ** 2
        + 10 * params.get("weight_decay", 0)
        + 0.1 * (params.get("r", 16) != 16)
    )


def told(ordinal: int, proposal: Proposal) -> Tell:
    """Every third trial is pruned at its first rung, every seventh diverges."""
    value = loss(proposal.params)
    state = "diverged" if ordinal % 7 == 6 else "pruned" if ordinal % 3 == 2 else "completed"
    rungs = [TellRung(step=50, value=value + 0.1)]
    return Tell(
        ordinal=ordinal,
        trial=proposal.trial,
        params=proposal.params,
        state=state,
        value=value if state == "completed" else None,
        rungs=rungs if state != "diverged" else [],
    )


def sequence(search: SearchSpec, space: SearchSpace, count: int) -> list[Proposal]:
    """Proposals of a search that runs one trial at a time."""
    tells: list[Tell] = []
    found: list[Proposal] = []
    for trial in range(count):
        proposal = propose(search, space, trial, tells, [])
        if proposal is None:
            break
        found.append(proposal)
        tells.append(told(trial, proposal))
    return found


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture
def database(server: str) -> str:
    url = new_database(server, f"belay_{next(_numbers)}")
    migrate(url)
    return url


@pytest.fixture
def record(database: str) -> Record:
    return Record(database)


@pytest.fixture
def rows(database: str) -> Rows:
    return Rows(database, "run")


@pytest.fixture
def fresh_database(server: str) -> Callable[[], str]:
    return lambda: new_database(server, f"optuna_{next(_numbers)}")
