"""Proposals are a pure function of the record, whichever sampler makes them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from belay_gpu.contracts import SearchSpec
from belay_gpu.skills.failures import SkillError
from belay_gpu.skills.hpo.dimensions import grid_point, grid_size, spread
from belay_gpu.skills.hpo.propose import propose
from tests.skills.hpo.conftest import (
    GRID,
    MIXED,
    NUMERIC,
    SAMPLERS,
    loss,
    search_of,
    sequence,
    space_for,
    space_of,
    told,
)
from tests.support.servers import ROOT

IN_ANOTHER_PROCESS = """
import json, sys
from tests.skills.hpo.conftest import search_of, sequence, space_for
found = sequence(search_of(sys.argv[1]), space_for(sys.argv[1]), int(sys.argv[2]))
print(json.dumps([p.model_dump(by_alias=True) for p in found]))
"""


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_restart_proposes_the_same(sampler: str) -> None:
    count = 7 if sampler == "gp" else 14
    here = sequence(search_of(sampler), space_for(sampler), count)
    answer = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS, sampler, str(count)],
        cwd=ROOT / "gpu-worker",
        capture_output=True,
        check=True,
    )
    there = json.loads(answer.stdout.splitlines()[-1])
    assert [json.loads(p.model_dump_json(by_alias=True)) for p in here] == there


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_one_proposal_needs_none_of_the_others(sampler: str) -> None:
    """Asked alone, out of order, a proposal is what it was in its turn."""
    count = 7 if sampler == "gp" else 12
    search, space = search_of(sampler), space_for(sampler)
    found = sequence(search, space, count)
    tells = [told(n, proposal) for n, proposal in enumerate(found)]
    for trial in reversed(range(count)):
        assert propose(search, space, trial, tells[:trial], []) == found[trial]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_order_of_the_dimensions_does_not_matter(sampler: str) -> None:
    """Records sort the keys of an object: what they keep of a space must lead to the same search."""
    search, space = search_of(sampler), space_for(sampler)
    other = dict(reversed(space.items()))
    assert sequence(search, other, 6) == sequence(search, space, 6)


@pytest.mark.parametrize("sampler", ["tpe", "gp", "cmaes"])
def test_the_model_begins_after_the_start_up_trials(sampler: str) -> None:
    search = search_of(sampler, n_startup_trials=4)
    found = sequence(search, NUMERIC, 6)
    random = sequence(search_of("random"), NUMERIC, 6)
    assert [p.model_based for p in found] == [False] * 4 + [True] * 2
    assert [p.params for p in found[:4]] == [p.params for p in random[:4]]
    assert all(a.params != b.params for a, b in zip(found[4:], random[4:], strict=True))


def test_start_up_trials_are_only_ever_those_of_the_completed_spec() -> None:
    odd = search_of("tpe", num_trials=7, n_startup_trials=4)
    assert [p.model_based for p in sequence(odd, MIXED, 7)] == [False] * 4 + [True] * 3
    with pytest.raises(SkillError, match="n_startup_trials is not filled in") as raised:
        sequence(search_of("tpe", num_trials=7, n_startup_trials=None), MIXED, 1)
    assert raised.value.type == "Internal"


def test_no_model_without_a_value() -> None:
    search = search_of("tpe")
    failed = [
        t.model_copy(update={"state": "failed", "value": None, "rungs": []}) for t in tells_of(search, 6)
    ]
    proposal = propose(search, MIXED, 6, failed, [])
    assert proposal is not None and not proposal.model_based


def tells_of(search: SearchSpec, count: int):
    return [told(n, proposal) for n, proposal in enumerate(sequence(search, MIXED, count))]


@pytest.mark.parametrize("sampler", ["tpe", "gp", "cmaes"])
@pytest.mark.parametrize("mode", ["min", "max"])
def test_models_find_the_bottom_sooner_than_chance(sampler: str, mode: str) -> None:
    sign = 1 if mode == "min" else -1
    count = 14 if sampler == "gp" else 40

    def tail(name: str) -> float:
        search = search_of(name, mode=mode, n_startup_trials=6)
        tells, values = [], []
        for trial in range(count):
            proposal = propose(search, NUMERIC, trial, tells, [])
            assert proposal is not None
            value = loss(proposal.params)
            values.append(value)
            tells.append(
                told(0, proposal).model_copy(
                    update={"ordinal": trial, "state": "completed", "value": sign * value}
                )
            )
        return sum(values[-6:]) / 6

    assert tail(sampler) < 0.7 * tail("random")


@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_pending_trials_are_avoided(sampler: str) -> None:
    search = search_of(sampler)
    tells = [told(n, p) for n, p in enumerate(sequence(search, NUMERIC, 6))]
    alone = propose(search, NUMERIC, 6, tells, [])
    beside = propose(search, NUMERIC, 6, tells, [alone.params] if alone else [])
    assert alone is not None and beside is not None and beside.params != alone.params


def test_rung_values_of_pruned_trials_teach_the_model() -> None:
    search = search_of("tpe")
    tells = [t.model_copy(update={"state": "pruned", "value": None}) for t in tells_of(search, 6)]
    other = [
        t.model_copy(
            update={
                "rungs": list(reversed([r.model_copy(update={"value": 9 - (r.value or 0)}) for r in t.rungs]))
            }
        )
        for t in tells
    ]
    a, b = propose(search, MIXED, 6, tells, []), propose(search, MIXED, 6, other, [])
    assert a is not None and b is not None
    assert a.model_based and b.model_based
    assert a.params != b.params


def test_every_proposal_lies_in_the_space() -> None:
    for sampler in ("random", "tpe", "cmaes"):
        for proposal in sequence(search_of(sampler), MIXED, 25):
            params = proposal.params
            assert list(params) == list(MIXED)
            assert 2e-3 <= params["learning_rate"] <= 3e-2  # type: ignore[operator]
            assert params["r"] in (4, 8, 16) and isinstance(params["use_rslora"], bool)
            assert params["target_modules"] in ("all-linear", ["q_proj", "v_proj"])
            assert isinstance(params["max_steps"], int) and 100 <= params["max_steps"] <= 300
            assert isinstance(params["gradient_accumulation_steps"], int)


def test_a_grid_visits_every_point_once_and_ends() -> None:
    found = sequence(search_of("grid", num_trials=100), GRID, 100)
    assert len(found) == 18 == grid_size(GRID)
    assert len({json.dumps(p.params) for p in found}) == 18
    assert not any(p.model_based for p in found)
    assert propose(search_of("grid"), GRID, 18, [], []) is None


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 12, 100, 997])
def test_spread_is_a_permutation(size: int) -> None:
    for seed in (0, 7):
        assert sorted(spread(n, size, seed % size) for n in range(size)) == list(range(size))


def test_grid_points_are_numbered_like_nested_loops() -> None:
    points = [tuple(grid_point(GRID, n).values()) for n in range(18)]
    assert points == [(r, d, s) for r in (4, 8, 16) for d in (0, 0.05) for s in (1, 2, 3)]


def test_a_grid_refuses_a_continuous_range() -> None:
    with pytest.raises(ValueError, match="a list of values for learning_rate, not a continuous range"):
        propose(search_of("grid"), NUMERIC, 0, [], [])


def test_cmaes_without_two_numbers_is_random_and_says_so() -> None:
    space = space_of(learning_rate={"loguniform": [1e-4, 1e-2]}, r={"choice": [4, 8]})
    assert not any(p.model_based for p in sequence(search_of("cmaes"), space, 8))


def test_seeds_differ() -> None:
    a, b = (sequence(search_of("random", seed=seed), MIXED, 4) for seed in (1, 2))
    assert all(x.params != y.params for x in a for y in b)


def test_values_read_back_from_json_are_the_same_choice() -> None:
    """TypeScript writes 0.0 as 0; and 1 is not true."""
    space = space_of(lora_dropout={"choice": [0.0, 0.05]}, use_rslora={"choice": [1, True, 0, False]})
    search = search_of("tpe")
    tells = [told(n, p) for n, p in enumerate(sequence(search, space, 8))]
    rewritten = [
        t.model_copy(update={"params": json.loads(json.dumps(t.params).replace("0.0,", "0,"))}) for t in tells
    ]
    assert propose(search, space, 8, tells, []) == propose(search, space, 8, rewritten, [])
