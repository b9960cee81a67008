"""Whether any trial is left for a sampler's model, against a search played out trial by trial."""

from __future__ import annotations

from itertools import product

import pytest

from belay_gpu.contracts.models import SearchSpec
from belay_gpu.skills.config.startup import reaches_model, startup_warnings


def search(**changes: object) -> SearchSpec:
    return SearchSpec.model_validate({"sampler": "tpe", "n_startup_trials": 2, "num_trials": 5, **changes})


def played(spec: SearchSpec, at_once: int) -> int:
    """Trials proposed with enough told, where each place is filled as soon as it may be."""
    proposed = told = late = 0
    while proposed < spec.num_trials:
        left, free = spec.num_trials - proposed, at_once - (proposed - told)
        wave = min(left, spec.wave_size or (at_once if spec.deterministic else 1))
        wave = wave if spec.deterministic else min(wave, at_once)
        may_ask = proposed == told if spec.deterministic else free >= wave
        if not may_ask:
            told += 1
            continue
        late += wave if told >= max(1, spec.n_startup_trials or 0) else 0
        proposed += wave
    return late


def test_it_is_what_a_search_comes_to() -> None:
    for trials, startup, at_once, wave, deterministic in product(
        (1, 5, 8, 13), (0, 2, 4), (1, 2, 3, 8), (None, 1, 3, 4), (False, True)
    ):
        spec = search(
            num_trials=trials, n_startup_trials=startup, wave_size=wave, deterministic=deterministic
        )
        assert reaches_model(spec, at_once) == (played(spec, at_once) > 0), (spec, at_once)


def test_a_search_whose_model_is_never_asked_says_so_and_what_would_help() -> None:
    [warning] = startup_warnings(search(max_concurrent_trials=8))
    assert warning == (
        "all 5 trials are random draws: the tpe sampler's model wants 2 to have ended, and by then no trial "
        "is left; lower search.max_concurrent_trials (to 3), or raise search.num_trials"
    )
    assert startup_warnings(search(max_concurrent_trials=3)) == []


@pytest.mark.parametrize("sampler", ["random", "grid"])
def test_one_without_a_model_says_nothing(sampler: str) -> None:
    assert startup_warnings(search(sampler=sampler, max_concurrent_trials=8)) == []
