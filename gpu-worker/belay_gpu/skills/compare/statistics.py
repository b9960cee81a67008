"""A metric of many resamples at once, from per-row scores.

Every function takes the columns of one scoring and row indices of shape [resamples, rows], and answers with
one value per resample. Metrics that are ratios are resampled as ratios: numerator and denominator move
together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[np.float64]]
Indices = NDArray[np.int64]
Values = NDArray[np.float64]


def _ratio(top: NDArray[np.float64], bottom: NDArray[np.float64], rows: Indices) -> Values:
    return top[rows].sum(axis=1) / bottom[rows].sum(axis=1)


def _loss(columns: Columns, rows: Indices) -> Values:
    return _ratio(columns["loss"] * columns["tokens"], columns["tokens"], rows)


def _perplexity(columns: Columns, rows: Indices) -> Values:
    return np.exp(_loss(columns, rows))


def _bits_per_byte(columns: Columns, rows: Indices) -> Values:
    return _ratio(columns["loss"] * columns["tokens"], columns["bytes"], rows) / math.log(2)


def _token_accuracy(columns: Columns, rows: Indices) -> Values:
    return _ratio(columns["correct"], columns["tokens"], rows)


def _mean_of(name: str) -> Callable[[Columns, Indices], Values]:
    return lambda columns, rows: columns[name][rows].mean(axis=1)


def _macro_f1(columns: Columns, rows: Indices) -> Values:
    label, guess = columns["label"].astype(np.int64), columns["predicted"].astype(np.int64)
    classes = int(max(label.max(), guess.max())) + 1
    found = np.empty(len(rows))
    for i, drawn in enumerate(rows):
        truth, predicted = label[drawn], guess[drawn]
        seen = np.bincount(truth, minlength=classes) + np.bincount(predicted, minlength=classes)
        hits = np.bincount(truth[truth == predicted], minlength=classes)
        present = seen > 0
        found[i] = (2 * hits[present] / seen[present]).mean()
    return found


STATISTICS: dict[str, Callable[[Columns, Indices], Values]] = {
    "eval_loss": _loss,
    "perplexity": _perplexity,
    "bits_per_byte": _bits_per_byte,
    "token_accuracy": _token_accuracy,
    "exact_match": _mean_of("exact_match"),
    "f1": _mean_of("f1"),
    "accuracy": _mean_of("accuracy"),
    "macro_f1": _macro_f1,
}

# What a row must have been scored by for a metric to be computed from it.
NEEDS: dict[str, tuple[str, ...]] = {
    "eval_loss": ("loss", "tokens"),
    "perplexity": ("loss", "tokens"),
    "bits_per_byte": ("loss", "tokens", "bytes"),
    "token_accuracy": ("correct", "tokens"),
    "exact_match": ("exact_match",),
    "f1": ("f1",),
    "accuracy": ("accuracy",),
    "macro_f1": ("label", "predicted"),
}
