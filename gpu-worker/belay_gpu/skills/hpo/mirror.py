"""hpo.tell: ended trials copied into an Optuna study of their own database, for the dashboard.

The study is a view. No proposal is ever read from it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import optuna
import psycopg
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from belay_gpu.contracts import DistributionChoice, TellInput
from belay_gpu.engine.errors import first_line
from belay_gpu.skills.failures import SkillError
from belay_gpu.skills.hpo.dimensions import Space, to_optuna
from belay_gpu.skills.hpo.record import Record, TrialRow

TRIAL_ATTRIBUTE = "trial"
STATE_ATTRIBUTE = "state"
_SCHEMA_LOCK = "belay optuna schema"


class Mirror:
    """Writes into one Optuna database. May be shared by threads, and by processes on one database."""

    def __init__(self, optuna_database_url: str) -> None:
        self._url = plain_url(optuna_database_url)
        self._storage: optuna.storages.RDBStorage | None = None
        self._opening = threading.Lock()

    def tell(self, request: TellInput, record: Record) -> None:
        """Adds the ended trials among those named that the study does not have.

        Raises:
            SkillError: StorageUnavailable.
        """
        from sqlalchemy.exc import DBAPIError

        rows = [row for row in record.trials(request.run, request.trials) if row.has_ended]
        try:
            storage = self._open()
            # Two tells of one trial, from a retry or another worker, would both find it missing.
            with self._locked(f"belay study {request.run}"):
                study = optuna.create_study(
                    study_name=request.run,
                    storage=storage,
                    direction="minimize" if request.mode == "min" else "maximize",
                    load_if_exists=True,
                )
                known = {trial.user_attrs.get(TRIAL_ATTRIBUTE) for trial in study.get_trials(deepcopy=False)}
                study.add_trials([_mirrored(row, request.space) for row in rows if row.trial not in known])
        except (psycopg.OperationalError, DBAPIError, optuna.exceptions.StorageInternalError) as error:
            raise SkillError(
                "StorageUnavailable", f"the Optuna database did not answer: {first_line(error)}"
            ) from error

    def _open(self) -> optuna.storages.RDBStorage:
        with self._opening:
            if self._storage is None:
                with self._locked(_SCHEMA_LOCK):
                    # Two workers that both create the tables would fail on each other.
                    self._storage = optuna.storages.RDBStorage(
                        sqlalchemy_url(self._url), engine_kwargs={"pool_size": 2, "pool_pre_ping": True}
                    )
            return self._storage

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        with psycopg.connect(self._url, connect_timeout=10, autocommit=True) as connection:
            connection.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (name,))
            yield  # the lock ends with the connection


def plain_url(url: str) -> str:
    """A Postgres address as psycopg takes it, whether or not it names a SQLAlchemy driver."""
    scheme, _, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}://{rest}"


def sqlalchemy_url(url: str) -> str:
    """A Postgres address with the driver that is installed."""
    return f"postgresql+psycopg://{plain_url(url).partition('://')[2]}"


def shown(value: Any) -> Any:
    """A choice as the dashboard can show it: a list is written out."""
    return json.dumps(value) if isinstance(value, list) else value


def _distributions(space: Space, params: dict[str, Any]) -> dict[str, BaseDistribution]:
    return {
        name: CategoricalDistribution([shown(value) for value in dimension.choice])
        if isinstance(dimension, DistributionChoice)
        else to_optuna(dimension)
        for name, dimension in space.items()
        if name in params
    }


def _mirrored(row: TrialRow, space: Space) -> FrozenTrial:
    distributions = _distributions(space, row.params)
    attributes: dict[str, Any] = {TRIAL_ATTRIBUTE: row.trial, STATE_ATTRIBUTE: row.state}
    if row.replicate_of is not None:
        attributes["replicate_of"] = row.replicate_of
    state, value = _state(row)
    return create_trial(
        state=state,
        value=value,
        params={name: shown(row.params[name]) for name in distributions},
        distributions=distributions,
        user_attrs={**attributes, "model_based": row.model_based},
        intermediate_values={step: value for step, value in row.rungs if value is not None},
    )


def _state(row: TrialRow) -> tuple[TrialState, float | None]:
    match row.state:
        case "completed" if row.value is not None:
            return TrialState.COMPLETE, row.value
        case "pruned":
            return TrialState.PRUNED, row.value
        case _:
            return TrialState.FAIL, None
