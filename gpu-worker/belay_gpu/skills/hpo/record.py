"""The rows that a search is recorded in, read from Postgres."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, get_args

import psycopg
from psycopg.rows import DictRow, dict_row

from belay_gpu.contracts import Tell, TellRung, TrialEndState
from belay_gpu.engine.errors import first_line
from belay_gpu.skills.failures import SkillError

END_STATES: frozenset[str] = frozenset(get_args(TrialEndState.__value__))


@dataclass(frozen=True)
class TrialRow:
    """One row of `trials`, with the trial's rung values in order."""

    trial: int
    state: str
    params: dict[str, Any]
    model_based: bool
    tell_count: int
    pending: tuple[int, ...]
    replicate_of: int | None
    tell_ordinal: int | None
    value: float | None
    trainable_params: int | None
    rungs: tuple[tuple[int, float | None], ...] = ()

    @property
    def has_ended(self) -> bool:
        return self.state in END_STATES


class Record:
    """Reads one database. Every call has a connection of its own, so the object may be shared by threads."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url

    def trials(self, run: str, numbers: Sequence[int] | None = None) -> list[TrialRow]:
        """Rows of a run's trials by number: all, or those named.

        Raises:
            SkillError: StorageUnavailable.
        """
        with self._cursor() as cursor:
            only = "" if numbers is None else " AND trial = ANY(%(numbers)s)"
            parameters = {"run": run, "numbers": list(numbers or ())}
            cursor.execute(
                "SELECT trial, state, params, model_based, tell_count, pending, replicate_of, tell_ordinal, "
                f"value, trainable_params FROM trials WHERE run = %(run)s{only} ORDER BY trial",
                parameters,
            )
            trials = cursor.fetchall()
            cursor.execute(
                f"SELECT trial, step, value FROM rungs WHERE run = %(run)s{only} ORDER BY trial, rung",
                parameters,
            )
            rungs: dict[int, list[tuple[int, float | None]]] = defaultdict(list)
            for row in cursor.fetchall():
                rungs[row["trial"]].append((row["step"], row["value"]))
        return [_row(row, rungs[row["trial"]]) for row in trials]

    def tells(self, run: str, count: int) -> list[Tell]:
        """The first `count` tells of a run.

        Raises:
            SkillError: StorageUnavailable, or Internal where fewer are on record.
        """
        with self._cursor() as cursor:
            cursor.execute("SELECT trial FROM trials WHERE run = %s AND tell_ordinal < %s", (run, count))
            numbers = [row["trial"] for row in cursor.fetchall()]
        tells = tells_of(self.trials(run, numbers), count)
        if len(tells) != count:
            raise SkillError(
                "Internal", f"run {run}: {len(tells)} tells are on record where {count} were expected"
            )
        return tells

    @contextmanager
    def _cursor(self) -> Iterator[psycopg.Cursor[DictRow]]:
        try:
            with psycopg.Connection[DictRow].connect(
                self._url, connect_timeout=10, row_factory=dict_row
            ) as connection:
                # Both queries of a call see one state of the tables.
                connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
                connection.read_only = True
                with connection.cursor() as cursor:
                    yield cursor
        except psycopg.OperationalError as error:
            raise SkillError("StorageUnavailable", f"Postgres did not answer: {first_line(error)}") from error


def _row(row: DictRow, rungs: Sequence[tuple[int, float | None]]) -> TrialRow:
    fields: dict[str, Any] = {**row, "pending": tuple(row["pending"]), "rungs": tuple(rungs)}
    return TrialRow(**fields)


def tells_of(trials: Sequence[TrialRow], count: int) -> list[Tell]:
    """The first `count` tells among the rows, by ordinal."""
    told = sorted((t for t in trials if t.tell_ordinal is not None), key=lambda t: t.tell_ordinal or 0)
    return [
        Tell(
            ordinal=row.tell_ordinal,
            trial=row.trial,
            params=row.params,
            state=row.state,  # type: ignore[arg-type]
            value=row.value,
            rungs=[TellRung(step=step, value=value) for step, value in row.rungs],
        )
        for row in told
        if row.tell_ordinal is not None and row.tell_ordinal < count
    ]
