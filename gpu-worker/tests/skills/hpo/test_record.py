"""Asking, re-deriving and mirroring from real rows in Postgres."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import optuna
import psycopg
import pytest

from belay_gpu.contracts import AskInput, SearchSpec, TellInput
from belay_gpu.engine.errors import EngineError
from belay_gpu.skills.hpo.ask import ask
from belay_gpu.skills.hpo.mirror import Mirror, plain_url, sqlalchemy_url
from belay_gpu.skills.hpo.record import Record
from belay_gpu.skills.hpo.rederive import rederive
from tests.skills.hpo.conftest import MIXED, SAMPLERS, loss, search_of, space_for
from tests.support.postgres import Rows

DEAD = "postgresql://belay@127.0.0.1:1/none"


def request(
    search: SearchSpec, trials: list[int], tell_count: int = 0, pending: list[int] | None = None
) -> AskInput:
    space = space_for(search.sampler)
    return AskInput(
        run="run", search=search, space=space, trials=trials, tell_count=tell_count, pending=pending or []
    )


def run_waves(search: SearchSpec, rows: Rows, record: Record, waves: int = 2, size: int = 4) -> None:
    """A search as the experiment workflow drives it: a wave is asked, told, and the next one asked."""
    for wave in range(waves):
        first = wave * size
        numbers = list(range(first, first + size))
        answer = ask(request(search, numbers, tell_count=first), record)
        for place, proposal in enumerate(answer.proposals):
            trial = proposal.trial
            value = loss(proposal.params)
            pruned = place % 2 == 1
            rows.trial(
                trial,
                proposal.params,
                state="pruned" if pruned else "completed",
                value=None if pruned else value,
                ordinal=first + size - 1 - place,  # they end in another order than they began
                tell_count=first,
                pending=numbers[:place],
                model_based=proposal.model_based,
                rungs=[(50, value + 0.1)],
            )


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_proposal_is_derived_again_from_the_rows(sampler: str, rows: Rows, record: Record) -> None:
    search = search_of(sampler)
    run_waves(search, rows, record)
    derived = rederive(search, space_for(sampler), record.trials("run"))
    assert [d.row.trial for d in derived] == list(range(8))
    assert all(d.matches for d in derived)
    assert any(d.row.model_based for d in derived) == (sampler in ("tpe", "gp", "cmaes"))


def test_a_changed_row_is_noticed(rows: Rows, record: Record) -> None:
    search = search_of("tpe")
    run_waves(search, rows, record)
    with psycopg.connect(rows.url) as connection:
        # The best of the first wave becomes the worst, whichever it is.
        connection.execute("UPDATE trials SET value = -value WHERE tell_ordinal < 4")
    assert not all(d.matches for d in rederive(search, MIXED, record.trials("run")))


def test_an_ask_made_again_is_the_same_ask(rows: Rows, record: Record) -> None:
    search = search_of("tpe")
    run_waves(search, rows, record, waves=1)
    again = request(search, [4, 5], tell_count=4)
    first = ask(again, record)
    # What happened meanwhile does not matter: later tells are not among the first four.
    rows.trial(4, first.proposals[0].params, state="completed", value=0.1, ordinal=4)
    assert ask(again, record) == first == ask(again, Record(rows.url))


def test_pending_trials_are_part_of_the_question(rows: Rows, record: Record) -> None:
    search = search_of("tpe")
    run_waves(search, rows, record, waves=1)
    rows.trial(4, ask(request(search, [4], 4), record).proposals[0].params)
    with_pending = ask(request(search, [5], 4, [4]), record)
    together = ask(request(search, [4, 5], 4), record)
    assert with_pending.proposals[0] == together.proposals[1]
    # One pending trial may leave one draw as it was, but not every draw.
    later = range(5, 15)
    pairs = [(ask(request(search, [n], 4, [4]), record), ask(request(search, [n], 4), record)) for n in later]
    assert any(asked != without for asked, without in pairs)


def test_random_and_grid_need_no_record() -> None:
    for sampler in ("random", "grid"):
        assert len(ask(request(search_of(sampler), [0, 1, 2], tell_count=500), Record(DEAD)).proposals) == 3


def test_a_grid_is_exhausted(record: Record) -> None:
    answer = ask(request(search_of("grid"), [16, 17, 18, 19]), record)
    assert (len(answer.proposals), answer.exhausted) == (2, True)


def test_a_sampler_that_does_not_suit_the_space(record: Record) -> None:
    question = request(search_of("random"), [0]).model_copy(update={"search": search_of("grid")})
    with pytest.raises(
        EngineError, match=r"search\.space: the grid sampler needs a list of values for learning_rate"
    ):
        ask(question, record)


def test_missing_tells_are_a_defect_and_tried_again(rows: Rows, record: Record) -> None:
    with pytest.raises(EngineError, match="0 tells are on record where 3 were expected") as caught:
        ask(request(search_of("tpe"), [3], tell_count=3), record)
    assert caught.value.type == "Internal"


def test_a_database_that_does_not_answer() -> None:
    with pytest.raises(EngineError, match="Postgres did not answer: ") as caught:
        Record(DEAD).trials("run")
    assert caught.value.type == "StorageUnavailable"


def tell_all(trials: list[int]) -> TellInput:
    return TellInput(run="run", mode="min", space=MIXED, trials=trials)


def study_of(url: str) -> optuna.Study:
    return optuna.load_study(study_name="run", storage=sqlalchemy_url(url))


@pytest.fixture
def eight(rows: Rows, record: Record) -> Record:
    run_waves(search_of("tpe"), rows, record)
    return record


def mirrored(url: str) -> list[Any]:
    return sorted(trial.user_attrs["trial"] for trial in study_of(url).get_trials())


def test_the_mirror_is_idempotent(eight: Record, fresh_database: Callable[[], str]) -> None:
    url = fresh_database()
    mirror = Mirror(url)
    mirror.tell(tell_all([0, 1, 2]), eight)
    mirror.tell(tell_all([2, 3]), eight)
    Mirror(url).tell(tell_all(list(range(8))), eight)
    assert mirrored(url) == list(range(8))


def test_the_mirror_shows_what_the_rows_say(
    eight: Record, rows: Rows, fresh_database: Callable[[], str]
) -> None:
    url = fresh_database()
    params = eight.trials("run")[0].params
    rows.trial(8, params, state="diverged", ordinal=8)
    rows.trial(9, params, state="running")
    Mirror(url).tell(tell_all(list(range(10))), eight)
    study = study_of(url)
    by_trial = {trial.user_attrs["trial"]: trial for trial in study.get_trials()}
    assert sorted(by_trial) == list(range(9)), "a trial that has not ended is not mirrored"
    assert by_trial[8].state is optuna.trial.TrialState.FAIL
    for row in eight.trials("run", list(range(8))):
        trial = by_trial[row.trial]
        assert trial.state.name == ("COMPLETE" if row.state == "completed" else "PRUNED")
        assert trial.intermediate_values == dict(row.rungs)
        assert trial.params["learning_rate"] == row.params["learning_rate"]
        assert trial.params["r"] == row.params["r"]
    best = min(
        (row for row in eight.trials("run") if row.state == "completed"), key=lambda row: row.value or 0
    )
    assert study.best_trial.user_attrs["trial"] == best.trial


def test_tells_at_the_same_time_add_each_trial_once(eight: Record, fresh_database: Callable[[], str]) -> None:
    url = fresh_database()
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(Mirror(url).tell, tell_all(list(range(8))), eight) for _ in range(4)]:
            done.result()
    assert mirrored(url) == list(range(8))


def test_an_optuna_database_that_does_not_answer(eight: Record) -> None:
    with pytest.raises(EngineError, match="the Optuna database did not answer") as caught:
        Mirror(DEAD).tell(tell_all([0]), eight)
    assert caught.value.type == "StorageUnavailable"


def test_addresses() -> None:
    for url in ("postgres://u@h/d", "postgresql://u@h/d", "postgresql+psycopg://u@h/d"):
        assert sqlalchemy_url(url) == "postgresql+psycopg://u@h/d"
    assert plain_url("postgresql+psycopg://u@h/d") == "postgresql://u@h/d"
