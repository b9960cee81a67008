"""Scores one split with the active adapter: a generator, so that others may use the device in between."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from belay_gpu.canonical import finite_only
from belay_gpu.data.batches import row_batch
from belay_gpu.data.tokenised import TokenisedSplit
from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.generation import cache_bytes, generate_batch
from belay_gpu.engine.loss import pass_tokens, row_scores
from belay_gpu.engine.metrics import classification_metrics, language_metrics, normalise, word_f1
from belay_gpu.engine.passes import rows_that_fit
from belay_gpu.engine.protocol import EvalRequest, EvalResult, Evaluation, GenerationRequest
from belay_gpu.engine.samples import clip_answers, clip_prompt

SAMPLES = 8

Active = Callable[[], AbstractContextManager[PreTrainedModel]]


def evaluate(
    active: Active, tokenizer: PreTrainedTokenizerBase | None, split: TokenisedSplit, request: EvalRequest
) -> Evaluation:
    """Loss scores of every row, then generations where asked for.

    Args:
        active: enters the model with the slot's adapter switched on; entered anew for each batch.
        tokenizer: of the base; needed for generation only.
        split: what to score.
        request: how.
    """
    scores = yield from _row_scores(active, split, request.batch_size)
    losses, tokens, correct = scores["loss_sum"], scores["tokens"], scores["correct"]
    if not all(map(math.isfinite, losses)):
        return EvalResult(metrics={}, examples=[], diverged=True)
    examples: list[dict[str, float | int]] = []
    for row in range(split.rows):
        count = int(tokens[row])
        examples.append({"loss": losses[row] / max(count, 1), "tokens": count, "correct": int(correct[row])})
    if split.class_ids is not None:
        truth, predicted = split.class_ids.tolist(), [int(label) for label in scores["predicted"]]
        for example, label, guess in zip(examples, truth, predicted, strict=True):
            example |= {"label": label, "predicted": guess, "accuracy": int(label == guess)}
        metrics = {"eval_loss": math.fsum(losses) / len(losses), **classification_metrics(truth, predicted)}
        return EvalResult(metrics=finite_only(metrics), examples=examples, diverged=False)
    metrics = language_metrics(losses, tokens, correct, split.completion_bytes.tolist())
    for row, example in enumerate(examples):
        example["bytes"] = int(split.completion_bytes[row])
    samples: list[dict[str, str]] = []
    if request.generation is not None:
        generated, samples = yield from _generated(
            active, tokenizer, split, request, request.generation, examples
        )
        metrics |= generated
    return EvalResult(metrics=finite_only(metrics), examples=examples, diverged=False, samples=samples)


def _row_scores(
    active: Active, split: TokenisedSplit, batch_size: int
) -> Generator[None, None, dict[str, list[float]]]:
    lengths = split.lengths
    ordered = sorted(range(split.rows), key=lambda row: (int(lengths[row]), row))
    by_name: dict[str, list[float]] = {}
    done = 0
    while done < len(ordered):
        chunk = ordered[done : done + batch_size]
        with active() as model:
            chunk = chunk[: rows_that_fit([int(lengths[row]) for row in chunk], pass_tokens(model))]
            scores = row_scores(model, row_batch(split, chunk, model.device))
        done += len(chunk)
        for name, values in scores.items():
            column = by_name.setdefault(name, [0.0] * split.rows)
            for row, value in zip(chunk, values, strict=True):
                column[row] = value
        yield
    return by_name or {"loss_sum": [], "tokens": [], "correct": [], "predicted": []}


def _generated(
    active: Active,
    tokenizer: PreTrainedTokenizerBase | None,
    split: TokenisedSplit,
    request: EvalRequest,
    generation: GenerationRequest,
    examples: list[dict[str, float | int]],
) -> Generator[None, None, tuple[dict[str, float], list[dict[str, str]]]]:
    rows = [row for row in range(split.rows) if split.prompt_lengths[row] > 0]
    if not rows:
        return {}, []
    if tokenizer is None:
        raise EngineError(
            "ModelUnavailable", "exact_match and f1 need the base's tokenizer, which was not found"
        )
    answers: dict[int, str] = {}
    ordered = sorted(rows, key=lambda row: (int(split.prompt_lengths[row]), row))
    done = 0
    while done < len(ordered):
        chunk = ordered[done : done + request.batch_size]
        lengths = [int(split.prompt_lengths[row]) + generation.max_new_tokens for row in chunk]
        with active() as model:
            chunk = chunk[: rows_that_fit(lengths, pass_tokens(model, cache_bytes(model)))]
            answers |= generate_batch(model, tokenizer, split, chunk, generation)
        done += len(chunk)
        yield
    samples: list[dict[str, str]] = []
    for row in rows:
        expected, got = (
            normalise(text, generation.stop, False) for text in (split.completions[row], answers[row])
        )
        bare = [normalise(text, generation.stop, generation.ignore_spaces) for text in (expected, got)]
        examples[row] |= {"exact_match": int(bare[0] == bare[1]), "f1": word_f1(*bare)}
        if len(samples) < SAMPLES:
            shown = clip_answers(expected, got, generation.ignore_spaces)
            prompt = clip_prompt(split.prompts[row])
            samples.append({"prompt": prompt, "expected": shown[0], "got": shown[1]})
    count = len(rows)
    return {
        "exact_match": sum(examples[row]["exact_match"] for row in rows) / count,
        "f1": math.fsum(examples[row]["f1"] for row in rows) / count,
    }, samples
