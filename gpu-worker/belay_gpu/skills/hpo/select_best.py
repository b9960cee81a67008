"""hpo.selectBest: the winner among the completed trials, by their validation value."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from belay_gpu.contracts import SelectBestInput, SelectBestOutput, SelectBestOutputRanking
from belay_gpu.skills.hpo.record import TrialRow

LONGEST_RANKING = 20


@dataclass(frozen=True)
class Candidate:
    """A proposed trial with its reruns. `value` is the mean over those that completed."""

    trial: int
    value: float
    seeds: int
    lost: int
    trainable_params: int | None


def select_best(request: SelectBestInput, trials: Sequence[TrialRow]) -> SelectBestOutput:
    """Best value first; of equals the one with fewer trainable parameters, then the lower number.

    The same order as `compareFinalists` in workflows/lora/search/ranking.ts: the winner must be a finalist.
    """
    candidates = _candidates(trials)
    if request.replicates > 1:
        # A single value is not comparable with a mean: only finalists can win, those with reruns first.
        finalists = {row.replicate_of for row in trials if row.replicate_of is not None}
        tried = [c for c in candidates if c.trial in finalists]
        candidates = [c for c in tried if c.seeds > 1] or tried or candidates
    sign = 1.0 if request.mode == "min" else -1.0
    candidates.sort(
        key=lambda c: (
            c.lost > 0,  # a setting that failed under another seed is no safe choice
            sign * c.value,
            math.inf if c.trainable_params is None else c.trainable_params,
            c.trial,
        )
    )
    ranking = [
        SelectBestOutputRanking(trial=c.trial, value=c.value, trainable_params=c.trainable_params)
        for c in candidates[:LONGEST_RANKING]
    ]
    best = candidates[0].trial if candidates else None
    return SelectBestOutput(best=best, reason=_reason(request, trials, candidates), ranking=ranking)


def _candidates(trials: Sequence[TrialRow]) -> list[Candidate]:
    reruns: dict[int, list[TrialRow]] = defaultdict(list)
    for row in trials:
        if row.replicate_of is not None:
            reruns[row.replicate_of].append(row)
    found: list[Candidate] = []
    for row in trials:
        if row.replicate_of is not None or not _counts(row):
            continue
        values = [t.value for t in (row, *reruns[row.trial]) if _counts(t) and t.value is not None]
        lost = sum(t.state in ("diverged", "failed") for t in reruns[row.trial])
        found.append(Candidate(row.trial, fmean(values), len(values), lost, row.trainable_params))
    return found


def _counts(row: TrialRow) -> bool:
    return row.state == "completed" and row.value is not None and math.isfinite(row.value)


def _reason(request: SelectBestInput, trials: Sequence[TrialRow], candidates: Sequence[Candidate]) -> str:
    if not candidates:
        return f"Nothing was selected: {_nothing_completed(request, trials)}."
    best, *others = candidates
    what = f"{request.metric} {best.value:.6g} on validation rows"
    if best.seeds > 1:
        what = f"mean {what} over {best.seeds} seeds"
    extreme = "lowest" if request.mode == "min" else "highest"
    if not others:
        return f"Trial {best.trial} is the only one that completed ({what})."
    ties = [c for c in others if c.value == best.value and c.lost == best.lost]
    if len(ties) == len(others):
        why = f"all {len(candidates)} completed trials reached this value: the search brought no improvement"
        return f"Trial {best.trial} has {what}; {why}; {_tie_break(best, ties)}."
    if ties:
        return f"Trial {best.trial} has the {extreme} {what}, as {_trials(ties)}; {_tie_break(best, ties)}."
    return f"Trial {best.trial} has the {extreme} {what}, of {len(candidates)} that completed."


def _tie_break(best: Candidate, ties: Sequence[Candidate]) -> str:
    if all(c.trainable_params != best.trainable_params for c in ties):
        return "it trains fewer parameters"
    return (
        "of equals the lower number is taken"
        if best.trainable_params is None
        else ("of equals with as few parameters the lower number is taken")
    )


def _trials(candidates: Sequence[Candidate]) -> str:
    numbers = sorted(c.trial for c in candidates)
    return f"trial {numbers[0]} has" if len(numbers) == 1 else f"trials {', '.join(map(str, numbers))} have"


def _nothing_completed(request: SelectBestInput, trials: Sequence[TrialRow]) -> str:
    if not trials:
        return "the search has no trial"
    states = Counter(row.state for row in trials)
    if states["completed"] > 0:
        return f"no completed trial has a value for {request.metric}"
    counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    return f"none of the {len(trials)} trials completed ({counts})"
