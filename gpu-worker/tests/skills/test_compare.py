"""The paired bootstrap: direction, pairing, ratios, and an interval that covers what it claims to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from belay_gpu.contracts import FEWEST_COMPARED_ROWS
from belay_gpu.engine.metrics import classification_metrics, language_metrics
from belay_gpu.skills.compare import compare
from belay_gpu.skills.failures import SkillError

SEED = 20261


def rows_of(name: str, values: Sequence[float]) -> list[dict[str, Any]]:
    return [{name: value} for value in values]


def test_an_obvious_gain_beats_the_base() -> None:
    result = compare(
        "exact_match", rows_of("exact_match", [0] * 50), rows_of("exact_match", [1] * 40 + [0] * 10), SEED
    )
    assert (result.base, result.best, result.gain) == (0.0, 0.8, 0.8)
    assert 0.6 < result.low < 0.8 < result.high < 0.95
    assert result.beats_base


def test_no_difference_never_beats_the_base() -> None:
    same = rows_of("accuracy", [0, 1] * 30)
    result = compare("accuracy", same, same, SEED)
    assert (result.gain, result.low, result.high, result.beats_base) == (0.0, 0.0, 0.0, False)


def test_lower_is_better_for_losses() -> None:
    worse = [{"loss": 2.0 + 0.01 * i, "tokens": 3} for i in range(40)]
    better = [{"loss": 1.0 + 0.01 * i, "tokens": 3} for i in range(40)]
    assert compare("eval_loss", worse, better, SEED).beats_base
    assert not compare("eval_loss", better, worse, SEED).beats_base


def test_a_handful_of_rows_proves_nothing() -> None:
    few = FEWEST_COMPARED_ROWS - 1
    for rows, proves in ((2, False), (few, False), (few + 1, True)):
        base, best = rows_of("exact_match", [0] * rows), rows_of("exact_match", [1] * rows)
        result = compare("exact_match", base, best, SEED)
        assert (result.low, result.high, result.beats_base) == (1.0, 1.0, proves)


def test_pairing_finds_a_gain_smaller_than_the_spread_of_the_rows() -> None:
    rng = np.random.default_rng(SEED)
    hard = rng.normal(5, 3, 200)
    base = [{"loss": float(x), "tokens": 1} for x in hard]
    best = [{"loss": float(x) - 0.1, "tokens": 1} for x in hard]
    result = compare("eval_loss", base, best, SEED)
    assert result.beats_base
    assert math.isclose(result.low, -0.1, abs_tol=1e-9)


def test_language_metrics_agree_with_those_of_the_evaluation() -> None:
    rng = np.random.default_rng(SEED)
    rows = [
        {
            "loss": float(rng.uniform(0.1, 3)),
            "tokens": int(t),
            "correct": int(rng.integers(0, t + 1)),
            "bytes": int(4 * t),
        }
        for t in rng.integers(1, 20, 60)
    ]
    expected = language_metrics(
        [r["loss"] * r["tokens"] for r in rows],
        [r["tokens"] for r in rows],
        [r["correct"] for r in rows],
        [int(r["bytes"]) for r in rows],
    )
    for name in ("eval_loss", "perplexity", "bits_per_byte", "token_accuracy"):
        assert compare(name, rows, rows, SEED, 100).best == pytest.approx(expected[name], rel=1e-12)


def test_macro_f1_agrees_with_that_of_the_evaluation() -> None:
    rng = np.random.default_rng(SEED)
    truth, guess = rng.integers(0, 5, 80).tolist(), rng.integers(0, 5, 80).tolist()
    rows = [{"label": t, "predicted": p} for t, p in zip(truth, guess, strict=True)]
    expected = classification_metrics(truth, guess)["macro_f1"]
    assert compare("macro_f1", rows, rows, SEED, 50).best == pytest.approx(expected, rel=1e-12)


def test_the_interval_covers_the_true_gain_about_as_often_as_it_says() -> None:
    print(f"seed {SEED}")
    rng = np.random.default_rng(SEED)
    covered = 0
    for i in range(200):
        base, best = rng.random(120) < 0.3, rng.random(120) < 0.5
        result = compare(
            "exact_match", rows_of("exact_match", list(base)), rows_of("exact_match", list(best)), i, 1000
        )
        covered += result.low <= 0.2 <= result.high
    assert 176 <= covered <= 199  # 95 % of 200, give or take four standard errors


def test_the_same_seed_gives_the_same_interval() -> None:
    rng = np.random.default_rng(SEED)
    base, best = rows_of("f1", rng.random(30).tolist()), rows_of("f1", rng.random(30).tolist())
    assert compare("f1", base, best, 3) == compare("f1", base, best, 3)
    assert compare("f1", base, best, 3) != compare("f1", base, best, 4)


def test_rows_that_were_not_scored_are_left_out_of_both() -> None:
    base = [{"exact_match": 0}, {"loss": 1.0}, {"exact_match": 0}]
    best = [{"exact_match": 1}, {"loss": 1.0}, {"exact_match": 1}]
    assert compare("exact_match", base, best, SEED).examples == 2


@pytest.mark.parametrize(
    ("metric", "base", "best", "kind", "message"),
    [
        ("exact_match", [{"exact_match": 1}], [], "Internal", "scored on 1 and 0 rows"),
        ("speed", [{"loss": 1}], [{"loss": 1}], "InvalidSpec", "speed is not one of"),
        (
            "exact_match",
            [{"loss": 1, "tokens": 2}],
            [{"loss": 1, "tokens": 2, "exact_match": 1}],
            "InvalidSpec",
            "no row of both base and winner was scored by exact_match; use one of eval_loss, perplexity",
        ),
        (
            "accuracy",
            [{"loss": 1}],
            [{"accuracy": 1}],
            "InvalidSpec",
            "was scored by accuracy; they have no metric in common",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(
    metric: str, base: Any, best: Any, kind: str, message: str
) -> None:
    with pytest.raises(SkillError, match=message) as caught:
        compare(metric, base, best, SEED)
    assert caught.value.type == kind
