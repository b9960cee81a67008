"""The winner, and the sentence that says why."""

from __future__ import annotations

from typing import Any, Literal

from belay_gpu.contracts import SelectBestInput, SelectBestOutput
from belay_gpu.skills.hpo.record import TrialRow
from belay_gpu.skills.hpo.select_best import select_best


def row(trial: int, value: float | None = None, **keys: Any) -> TrialRow:
    fields: dict[str, Any] = {
        "state": "completed" if value is not None else "failed",
        "params": {},
        "model_based": False,
        "tell_count": 0,
        "pending": (),
        "replicate_of": None,
        "tell_ordinal": trial,
        "trainable_params": 100,
    }
    return TrialRow(trial=trial, value=value, **{**fields, **keys})


def chosen(
    rows: list[TrialRow], mode: Literal["min", "max"] = "min", replicates: int = 1
) -> SelectBestOutput:
    return select_best(SelectBestInput(run="run", metric="eval_loss", mode=mode, replicates=replicates), rows)


def test_lowest_or_highest() -> None:
    rows = [row(0, 0.5), row(1, 0.2), row(2, 0.9)]
    assert chosen(rows).best == 1
    assert chosen(rows, "max").best == 2
    assert (
        chosen(rows).reason == "Trial 1 has the lowest eval_loss 0.2 on validation rows, of 3 that completed."
    )
    assert [r.trial for r in chosen(rows).ranking] == [1, 0, 2]


def test_only_completed_trials_count() -> None:
    rows = [row(0, 0.5), row(1, 0.1, state="pruned"), row(2, 0.1, state="diverged"), row(3)]
    assert chosen(rows).best == 0
    assert chosen(rows).reason.startswith("Trial 0 is the only one that completed")


def test_ties_go_to_fewer_parameters_then_to_the_lower_number() -> None:
    rows = [row(0, 0.2, trainable_params=200), row(1, 0.2), row(2, 0.2), row(3, 0.3, trainable_params=1)]
    assert chosen(rows).best == 1
    assert chosen(rows).reason == (
        "Trial 1 has the lowest eval_loss 0.2 on validation rows, as trials 0, 2 have; "
        "of equals with as few parameters the lower number is taken."
    )
    assert "it trains fewer parameters" in chosen(rows[:2]).reason


def test_no_improvement_is_said() -> None:
    reason = chosen([row(0, 0.2), row(1, 0.2)]).reason
    assert "all 2 completed trials reached this value: the search brought no improvement" in reason


def test_all_failed_is_said() -> None:
    rows = [row(0), row(1, state="diverged"), row(2, state="diverged")]
    found = chosen(rows)
    assert found.best is None and found.ranking == []
    assert found.reason == "Nothing was selected: none of the 3 trials completed (2 diverged, 1 failed)."
    assert chosen([]).reason == "Nothing was selected: the search has no trial."


def test_replicates_are_judged_by_their_mean() -> None:
    rows = [
        *(row(0, 0.10), row(1, 0.12), row(2, 0.30), row(9, 0.05)),
        *(row(3, 0.50, replicate_of=0), row(4, 0.13, replicate_of=1), row(5, 0.30, replicate_of=2)),
    ]
    found = chosen(rows, replicates=2)
    assert found.best == 1
    assert found.reason.startswith(
        "Trial 1 has the lowest mean eval_loss 0.125 on validation rows over 2 seeds"
    )
    assert [r.trial for r in found.ranking] == [1, 0, 2], "a single value is not compared with means"


def test_a_setting_that_diverged_under_another_seed_ranks_last() -> None:
    rows = [
        *(row(0, 0.1), row(1, 0.2)),
        *(row(2, 0.1, replicate_of=0), row(3, None, replicate_of=0, state="diverged")),
        *(row(4, 0.2, replicate_of=1), row(5, 0.2, replicate_of=1)),
    ]
    assert chosen(rows, replicates=3).best == 1


def test_lost_reruns_leave_the_first_values() -> None:
    rows = [row(0, 0.1), row(1, 0.2), row(2, None, replicate_of=0, state="cancelled")]
    assert chosen(rows, replicates=2).best == 0


def test_a_finalist_without_a_rerun_does_not_win_over_one_with_reruns() -> None:
    rows = [row(0, 0.1), row(1, 0.2)]
    # Cancelled is no mark against a setting: its value is left out because it is a single one.
    reruns = [row(2, None, replicate_of=0, state="cancelled"), row(3, 0.2, replicate_of=1)]
    found = chosen([*rows, *reruns], replicates=2)
    assert [r.trial for r in found.ranking] == [1]


def test_finalists_whose_every_rerun_is_lost_still_win_over_what_was_no_finalist() -> None:
    rows = [row(0, 0.1), row(1, 0.2), row(2, 0.3), row(3, 0.4)]
    lost = [row(4 + n, None, replicate_of=n) for n in range(3)]
    found = chosen([*rows, *lost], replicates=2)
    assert found.best == 0
    assert [r.trial for r in found.ranking] == [0, 1, 2]


def test_ranking_is_short() -> None:
    assert len(chosen([row(n, float(n)) for n in range(50)]).ranking) == 20
