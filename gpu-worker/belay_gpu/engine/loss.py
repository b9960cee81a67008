"""Forward passes and their losses, as sums: who divides by what is the caller's business."""

from __future__ import annotations

import inspect
import sys
from contextlib import AbstractContextManager, nullcontext

import torch
from torch.nn import functional
from transformers import PreTrainedModel

from belay_gpu.data.batches import Batch
from belay_gpu.data.tokenised import IGNORED


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


def label_logits(model: PreTrainedModel, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What predicts the labels of a batch [rows, tokens] of which n tokens carry one.

    A label at position t is predicted at t - 1, so position 0 predicts and is predicted by nothing before it.

    Returns:
        Logits [n, vocabulary] in float32, labels [n], and the batch's row of each [n]; row after row.
    """
    keep = torch.zeros_like(batch.labels, dtype=torch.bool)
    keep[:, :-1] = batch.labels[:, 1:] != IGNORED
    targets = batch.labels[:, 1:][keep[:, :-1]]
    rows = keep.nonzero()[:, 0]
    if _keeps_by_mask(model):
        logits = _forward(model, batch, logits_to_keep=keep)
    else:
        logits = _forward(model, batch)[keep]
    return logits.float(), targets, rows


def loss_sum(model: PreTrainedModel, batch: Batch) -> torch.Tensor:
    """Cross-entropy summed over the batch's label tokens, or over its rows in classification: a scalar.

    The logits are [label tokens, vocabulary], or [rows, classes].
    """
    if batch.class_ids is not None:
        return functional.cross_entropy(_forward(model, batch).float(), batch.class_ids, reduction="sum")
    logits, targets, _ = label_logits(model, batch)
    return functional.cross_entropy(logits, targets, reduction="sum")


@torch.no_grad()
def row_scores(model: PreTrainedModel, batch: Batch) -> dict[str, list[float]]:
    """Per row: summed loss, label tokens, correct ones; in classification also the predicted class."""
    count = batch.input_ids.shape[0]
    if batch.class_ids is not None:
        logits = _forward(model, batch).float()
        losses = functional.cross_entropy(logits, batch.class_ids, reduction="none")
        predicted = logits.argmax(-1)
        return {
            "loss_sum": losses.tolist(),
            "tokens": [1.0] * count,
            "correct": (predicted == batch.class_ids).float().tolist(),
            "predicted": predicted.tolist(),
        }
    logits, targets, rows = label_logits(model, batch)
    losses = functional.cross_entropy(logits, targets, reduction="none").double()
    correct = (logits.argmax(-1) == targets).double()
    sums = torch.zeros(3, count, dtype=torch.float64, device=losses.device)
    # Added up on the CPU: scatter-add on CUDA has no fixed order.
    sums, rows = sums.cpu(), rows.cpu()
    sums[0].index_add_(0, rows, losses.cpu())
    sums[1].index_add_(0, rows, torch.ones_like(losses.cpu()))
    sums[2].index_add_(0, rows, correct.cpu())
    return {"loss_sum": sums[0].tolist(), "tokens": sums[1].tolist(), "correct": sums[2].tolist()}
