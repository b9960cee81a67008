"""Whether a base keeps packed rows apart. Many do not: state-space layers carry their state across rows, and
some models take no positions, which are all that parts the rows.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel

from belay_gpu.data.batches import unit_batch
from belay_gpu.data.tokenised import IGNORED, TokenisedSplit
from belay_gpu.engine.loss import compute_context, loss_sum

# Enough for a state to reach the next row, and next to nothing to compute.
TOKENS = 16


def keeps_rows_apart(model: PreTrainedModel, data: TokenisedSplit, device: torch.device) -> bool | None:
    """Whether the loss of a packed row is free of the row before it. None: nothing is packed in `data`.

    The gradient of that loss at the embeddings of the row before says so: through a masked attention it is
    exactly zero in every type, while losses differ by rounding, in half precision by as much as a small leak.

    Args:
        model: in evaluation mode, frozen, with no adapter switched on.
        data: training rows; the first two that share a bin are tried, at most `TOKENS` of each.
        device: where the model is.
    """
    pair = _pair(data)
    if pair is None:
        return None
    # Two lines: there are kernels that part rows in a batch of one line only.
    batch = unit_batch(pair, [0, 0], device)
    embedded: list[torch.Tensor] = []

    def as_leaf(module: nn.Module, inputs: object, output: torch.Tensor) -> torch.Tensor:
        embedded.append(output.detach().requires_grad_())
        return embedded[-1]

    hook = model.get_input_embeddings().register_forward_hook(as_leaf)
    try:
        with torch.enable_grad(), compute_context(model, device):
            loss = loss_sum(model, batch)
    finally:
        hook.remove()
    gradients = torch.autograd.grad(loss, embedded)
    before = int(pair.lengths[0])
    return not any(bool(gradient[:, :before].any()) for gradient in gradients)


def _pair(data: TokenisedSplit) -> TokenisedSplit | None:
    """The beginnings of two rows of one bin, packed; only the second carries a loss."""
    for rows in data.bins:
        ids = [data.row(row)[0][:TOKENS] for row in rows if data.lengths[row] > 1][:2]
        if len(ids) == 2:
            break
    else:
        return None
    labels = [np.full_like(ids[0], IGNORED), ids[1]]
    offsets = np.cumsum([0, *map(len, ids)], dtype=np.int64)
    return replace(
        data,
        input_ids=np.concatenate(ids),
        labels=np.concatenate(labels),
        row_offsets=offsets,
        bins=[[0, 1]],
    )
