"""One proposal as a pure function of the record: search, trial number, ordered tells, pending trials.

A live Optuna study cannot be derived again: its samplers keep state, and a restart proposes something
else. Here every proposal starts from nothing: an in-memory study is filled from the tells in their order,
and a fresh sampler, seeded by the search's seed and the trial's number, proposes once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from belay_gpu.contracts import Proposal, SearchSpec, Tell
from belay_gpu.skills.hpo.cmaes_sampler import propose_by_cmaes
from belay_gpu.skills.hpo.dimensions import Space, decode, encode, grid_point, grid_size, spread, to_optuna
from belay_gpu.skills.hpo.tells import is_past_startup, score_of

Params = Mapping[str, Any]

USES_TELLS = frozenset({"tpe", "gp", "cmaes"})
"""Samplers whose proposals depend on what was told; the others need no record read."""

optuna.logging.set_verbosity(optuna.logging.WARNING)


def propose(
    search: SearchSpec, space: Space, trial: int, tells: Sequence[Tell], pending: Sequence[Params]
) -> Proposal | None:
    """The parameters of a trial.

    Args:
        search: sampler, mode, seed and start-up trials are read.
        space: the dimensions, in any order: JSON objects have none, and a record sorts them as it likes.
        trial: the trial's number.
        tells: ended trials, by ordinal.
        pending: parameters of the trials that were proposed before this one and not told, in order.

    Returns:
        None where a grid has no further point.

    Raises:
        ValueError: the space does not suit the sampler, or a tell is not of this space.
    """
    # Samplers draw dimension by dimension.
    proposal = _propose(search, dict(sorted(space.items())), trial, tells, pending)
    if proposal is None:
        return None
    return proposal.model_copy(update={"params": {name: proposal.params[name] for name in space}})


def _propose(
    search: SearchSpec, space: Space, trial: int, tells: Sequence[Tell], pending: Sequence[Params]
) -> Proposal | None:
    if search.sampler == "grid":
        size = grid_size(space)
        if trial >= size:
            return None
        point = grid_point(space, spread(trial, size, search.seed % size))
        return Proposal(trial=trial, params=point, model_based=False)
    seed = seed_of(search.seed, trial)
    if search.sampler not in USES_TELLS or not is_past_startup(search, tells):
        return _sample(RandomSampler(seed=seed), space, trial, search, [])
    if search.sampler == "cmaes":
        return propose_by_cmaes(search, space, trial, tells, seed)
    history = [_told(tell, space, search.sampler) for tell in tells]
    history += [create_trial(state=TrialState.RUNNING, **_params(space, params)) for params in pending]
    return _sample(_SAMPLERS[search.sampler](seed), space, trial, search, history)


def seed_of(seed: int, trial: int) -> int:
    """Independent of neighbours: trial 1 of seed 7 shares nothing with trial 0 of seed 8."""
    return int.from_bytes(hashlib.sha256(f"belay proposal {seed}:{trial}".encode()).digest()[:4])


def _tpe(seed: int) -> BaseSampler:
    # Pending trials count as bad ones, so that a wave does not propose one point over and over.
    return TPESampler(seed=seed, n_startup_trials=0, multivariate=True, constant_liar=True)


def _gp(seed: int) -> BaseSampler:
    from optuna.samplers import GPSampler  # imports torch

    return GPSampler(seed=seed, n_startup_trials=0, warn_independent_sampling=False)


_SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {"tpe": _tpe, "gp": _gp}


def _told(tell: Tell, space: Space, sampler: str) -> FrozenTrial:
    known = _params(space, tell.params)
    score = score_of(tell)
    if score is None:
        return create_trial(state=TrialState.FAIL, **known)
    if tell.state == "pruned" and sampler == "tpe":
        rungs = {rung.step: rung.value for rung in tell.rungs if rung.value is not None}
        return create_trial(state=TrialState.PRUNED, intermediate_values=rungs, **known)
    return create_trial(state=TrialState.COMPLETE, value=score, **known)


def _params(space: Space, params: Params) -> dict[str, Any]:
    return {
        "params": {name: encode(dimension, params[name]) for name, dimension in space.items()},
        "distributions": {name: to_optuna(dimension) for name, dimension in space.items()},
    }


def _sample(
    sampler: BaseSampler, space: Space, trial: int, search: SearchSpec, history: Sequence[FrozenTrial]
) -> Proposal:
    direction = "minimize" if search.mode == "min" else "maximize"
    study = optuna.create_study(sampler=sampler, direction=direction)
    study.add_trials(history)
    asked = study.ask({name: to_optuna(dimension) for name, dimension in space.items()})
    params = {name: decode(dimension, asked.params[name]) for name, dimension in space.items()}
    return Proposal(trial=trial, params=params, model_based=bool(asked.relative_params))
