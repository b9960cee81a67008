"""Forward passes and their losses, as sums: who divides by what is the caller's business."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch.nn import functional
from transformers import PreTrainedModel

from belay_gpu.data.batches import Batch
from belay_gpu.data.tokenised import IGNORED
from belay_gpu.engine.passes import BODY_BYTES, HEAD_BYTES, LOGIT_BYTES, body_bytes


def compute_context(model: PreTrainedModel, device: torch.device) -> AbstractContextManager[object]:
    """Half-precision bases compute in their own type while adapters stay fp32 masters."""
    if model.dtype == torch.float32:
        return nullcontext()
    return torch.autocast(device.type, dtype=model.dtype)


def _keeps_by_mask(model: PreTrainedModel) -> bool:
    """Whether the model can project chosen positions only. A vocabulary of 150,000 makes full logits the
    largest tensor of a step by far."""
    module = sys.modules[type(model).__module__]
    return (
        hasattr(module, "slice_logits_to_keep")
        and "logits_to_keep" in inspect.signature(model.forward).parameters
    )


def _forward(model: PreTrainedModel, batch: Batch, **more: object) -> torch.Tensor:
    inputs: dict[str, object] = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask, **more}
    if batch.position_ids is not None:
        inputs["position_ids"] = batch.position_ids
    if "use_cache" in inspect.signature(model.forward).parameters:
        inputs["use_cache"] = False
    return model(**inputs).logits


def pass_tokens(model: PreTrainedModel, kept: int = 0) -> int:
    """Tokens that one forward pass without gradients takes on at most. `kept`: further bytes of each."""
    text = model.config.get_text_config()
    each = kept + body_bytes(text.hidden_size, model.dtype.itemsize)
    if model.get_output_embeddings() is not None and not _keeps_by_mask(model):
        each += text.vocab_size * LOGIT_BYTES
    return max(1, BODY_BYTES // each)


def label_places(batch: Batch) -> torch.Tensor:
    """Where labels are predicted: a mask [rows, tokens].

    A label at position t is predicted at t - 1, so position 0 predicts and is predicted by nothing before it.
    """
    keep = torch.zeros_like(batch.labels, dtype=torch.bool)
    keep[:, :-1] = batch.labels[:, 1:] != IGNORED
    return keep


def logits_at(model: PreTrainedModel, batch: Batch, keep: torch.Tensor) -> torch.Tensor:
    """Logits [n, vocabulary] in float32 at the n positions of the mask `keep` [rows, tokens], row by row."""
    if _keeps_by_mask(model):
        return _forward(model, batch, logits_to_keep=keep).float()
    return _forward(model, batch)[keep].float()


def class_logits(model: PreTrainedModel, batch: Batch) -> torch.Tensor:
    """Logits [rows, classes] in float32 of a classifier."""
    return _forward(model, batch).float()


def _labels_at(batch: Batch, keep: torch.Tensor) -> torch.Tensor:
    """What is predicted at the positions of `keep`: [n]."""
    return batch.labels[:, 1:][keep[:, :-1]]


def loss_sum(model: PreTrainedModel, batch: Batch) -> torch.Tensor:
    """Cross-entropy summed over the batch's label tokens, or over its rows in classification: a scalar.

    The logits are [label tokens, vocabulary], or [rows, classes].
    """
    if batch.class_ids is not None:
        return functional.cross_entropy(class_logits(model, batch), batch.class_ids, reduction="sum")
    keep = label_places(batch)
    logits = logits_at(model, batch, keep)
    return functional.cross_entropy(logits, _labels_at(batch, keep), reduction="sum")


@torch.no_grad()
def row_scores(model: PreTrainedModel, batch: Batch) -> dict[str, list[float]]:
    """Per row: summed loss, label tokens, correct ones; in classification also the predicted class."""
    count = batch.input_ids.shape[0]
    if batch.class_ids is not None:
        logits = class_logits(model, batch)
        losses = functional.cross_entropy(logits, batch.class_ids, reduction="none")
        predicted = logits.argmax(-1)
        return {
            "loss_sum": losses.tolist(),
            "tokens": [1.0] * count,
            "correct": (predicted == batch.class_ids).float().tolist(),
            "predicted": predicted.tolist(),
        }
    keep = label_places(batch)
    slices = _slices(model, keep)
    with _body_once(model) if len(slices) > 1 else nullcontext():
        parts = [_place_scores(model, batch, part) for part in slices]
    losses, correct = (torch.cat(column) for column in zip(*parts, strict=True))
    # Added up on the CPU: scatter-add on CUDA has no fixed order.
    sums, rows = torch.zeros(3, count, dtype=torch.float64), keep.nonzero()[:, 0].cpu()
    sums[0].index_add_(0, rows, losses)
    sums[1].index_add_(0, rows, torch.ones_like(losses))
    sums[2].index_add_(0, rows, correct)
    return {"loss_sum": sums[0].tolist(), "tokens": sums[1].tolist(), "correct": sums[2].tolist()}


def _place_scores(
    model: PreTrainedModel, batch: Batch, keep: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss and whether the likeliest token is the right one, at each of n positions: both [n], on the CPU."""
    logits, labels = logits_at(model, batch, keep), _labels_at(batch, keep)
    losses = functional.cross_entropy(logits, labels, reduction="none").double()
    return losses.cpu(), (logits.argmax(-1) == labels).double().cpu()


def _slices(model: PreTrainedModel, keep: torch.Tensor) -> list[torch.Tensor]:
    """The positions of a mask, in order, as masks of so few that their logits take little memory."""
    most = max(1, HEAD_BYTES // (model.config.get_text_config().vocab_size * LOGIT_BYTES))
    places = keep.nonzero()
    if len(places) <= most or not _keeps_by_mask(model):
        return [keep]
    slices = []
    for some in places.split(most):
        part = torch.zeros_like(keep)
        part[some[:, 0], some[:, 1]] = True
        slices.append(part)
    return slices


@contextmanager
def _body_once(model: PreTrainedModel) -> Iterator[None]:
    """Within, forward passes over the same rows share what the model's body makes of them: each computes the
    head only, with the scaling or capping of logits that is the model's own.
    """
    body = model.base_model
    if body is model:  # the whole is computed each time
        yield
        return
    compute, own, made = body.forward, vars(body).get("forward"), []

    def once(*inputs: object, **more: object) -> object:
        if not made:
            made.append(compute(*inputs, **more))
        return made[0]

    body.forward = once
    try:
        yield
    finally:
        if own is None:
            del body.forward
        else:
            body.forward = own
