"""CMA-ES moves on numbers: the space that is proposed to it has at least two ranges, or it is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from belay_gpu.contracts import SearchPlan
from belay_gpu.skills.config import build_search_space
from tests.skills.hpo.conftest import search_of, sequence
from tests.skills.test_config import refusal, request
from tests.support.tiny import save_llama


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_llama(tmp_path_factory.mktemp("llama"))


def plan_for(sampler: str, model: Path, label_tokens: int = 1000) -> SearchPlan:
    search = {"space": "auto", "sampler": sampler}
    return build_search_space(request(model, search=search, dataset={"labelTokens": label_tokens}))


def shapes(plan: SearchPlan) -> dict[str, Any]:
    return {str(key): each.model_dump(by_alias=True) for key, each in plan.space.items()}


def test_ranges_for_cmaes_and_lists_for_the_others(llama: Path) -> None:
    rate = {"loguniform": (5e-4, 2e-2)}
    assert shapes(plan_for("cmaes", llama)) == {
        "learning_rate": rate,
        "r": {"logint": (4, 16)},
        "lora_dropout": {"uniform": (0.0, 0.1)},
    }
    for sampler in ("random", "tpe", "gp"):
        assert shapes(plan_for(sampler, llama)) == {
            "learning_rate": rate,
            "r": {"choice": [4, 8, 16]},
            "lora_dropout": {"choice": [0.0, 0.05]},
        }


def test_cmaes_has_two_ranges_where_dropout_is_not_proposed(llama: Path) -> None:
    assert set(shapes(plan_for("cmaes", llama, label_tokens=10_000_000))) == {"learning_rate", "r"}


@pytest.mark.parametrize(("hidden", "ranks"), [(8, (4, 8)), (4, (1, 4))])
def test_a_narrow_layer_bounds_the_range(tmp_path: Path, hidden: int, ranks: tuple[int, int]) -> None:
    assert shapes(plan_for("cmaes", save_llama(tmp_path, hidden=hidden)))["r"] == {"logint": ranks}


def test_the_proposed_space_is_searched_by_the_model(llama: Path) -> None:
    space = plan_for("cmaes", llama).space
    assert any(each.model_based for each in sequence(search_of("cmaes"), space, 14))


def test_fewer_than_two_ranges_are_refused(llama: Path) -> None:
    def search(space: dict[str, Any]) -> dict[str, Any]:
        return {"sampler": "cmaes", "space": space}

    one = {"learning_rate": {"loguniform": [1e-4, 1e-2]}, "r": {"choice": [4, 8]}}
    kind, message = refusal(request(llama, search=search(one)))
    assert kind == "InvalidSpec"
    assert message == (
        "search.sampler: cmaes needs at least two numeric ranges in search.space, and there is one only "
        "(learning_rate); use tpe, or write search.space with more of them"
    )
    assert "and there is none;" in refusal(request(llama, search=search({"r": {"choice": [4, 8]}})))[1]
