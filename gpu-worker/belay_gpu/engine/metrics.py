"""Metrics from per-row scores. Pure; whatever is not finite is left out."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from belay_gpu.canonical import finite_only

#: Metrics of what a model answers to a prompt.
GENERATED = ("exact_match", "f1")


def language_metrics(
    loss_sums: Sequence[float],
    tokens: Sequence[float],
    correct: Sequence[float],
    completion_bytes: Sequence[int],
) -> dict[str, float]:
    """Loss per label token, perplexity, bits per byte of label text, share of tokens predicted."""
    total, count, size = math.fsum(loss_sums), math.fsum(tokens), sum(completion_bytes)
    if count == 0:
        return {}
    loss = total / count
    metrics = {"eval_loss": loss, "token_accuracy": math.fsum(correct) / count}
    if loss < 700:  # exp overflows beyond
        metrics["perplexity"] = math.exp(loss)
    if size > 0:
        metrics["bits_per_byte"] = total / math.log(2) / size
    return finite_only(metrics)


def classification_metrics(truth: Sequence[int], predicted: Sequence[int]) -> dict[str, float]:
    """Accuracy, and F1 averaged over the classes that occur among the truths or the predictions."""
    if not truth:
        return {}
    accuracy = sum(t == p for t, p in zip(truth, predicted, strict=True)) / len(truth)
    scores = []
    for label in sorted(set(truth) | set(predicted)):
        hits = sum(t == p == label for t, p in zip(truth, predicted, strict=True))
        scores.append(2 * hits / (truth.count(label) + predicted.count(label)))
    return {"accuracy": accuracy, "macro_f1": math.fsum(scores) / len(scores)}


def normalise(text: str, stop: str | None, ignore_spaces: bool) -> str:
    """What two answers are compared by: up to the stop text, without the white space around (or anywhere)."""
    if stop and stop in text:
        text = text[: text.index(stop)]
    return "".join(text.split()) if ignore_spaces else text.strip()


def word_f1(expected: str, got: str) -> float:
    """Harmonic mean of word precision and recall; words and single signs count alike, each as often as it
    occurs.
    """
    wanted, found = (Counter(re.findall(r"\w+|[^\w\s]", text)) for text in (expected, got))
    if not wanted or not found:
        return float(wanted == found)
    common = sum((wanted & found).values())
    return 2 * common / (sum(wanted.values()) + sum(found.values()))
