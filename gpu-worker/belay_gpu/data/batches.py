"""Rows of a tokenised split as tensors for one forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from belay_gpu.data.tokenised import IGNORED, TokenisedSplit


@dataclass(frozen=True)
class Batch:
    """Right-padded rows, or packed bins, of one width; every tensor is int64.

    Attributes:
        input_ids: [rows, tokens].
        labels: [rows, tokens]; the token itself where it carries a loss, else -100. Not shifted.
        attention_mask: [rows, tokens], 1 at real tokens; None: rows are packed.
        position_ids: [rows, tokens]; only of packed rows, which they part by beginning anew.
        class_ids: [rows]; classification only.
    """

    input_ids: torch.Tensor
    labels: torch.Tensor
    attention_mask: torch.Tensor | None
    position_ids: torch.Tensor | None
    class_ids: torch.Tensor | None


def label_count(split: TokenisedSplit, units: Sequence[int]) -> int:
    """How many terms the loss over these training units has: tokens, or rows in classification.

    The first token of a row predicts nothing before it, so its label never counts.
    """
    rows = [row for unit in units for row in split.unit_rows(unit)]
    if split.class_ids is not None:
        return len(rows)
    return sum(int((split.row(row)[1][1:] != IGNORED).sum()) for row in rows)


def unit_batch(split: TokenisedSplit, units: Sequence[int], device: torch.device) -> Batch:
    """Training units side by side: rows, or packed bins with positions reset at each row."""
    if not split.bins:
        return row_batch(split, units, device)
    width = max(sum(int(split.lengths[row]) for row in split.unit_rows(unit)) for unit in units)
    ids = np.full((len(units), width), split.info.pad_token_id, dtype=np.int64)
    labels = np.full((len(units), width), IGNORED, dtype=np.int64)
    positions = np.zeros((len(units), width), dtype=np.int64)
    for line, unit in enumerate(units):
        at = 0
        for row in split.unit_rows(unit):
            row_ids, row_labels = split.row(row)
            end = at + len(row_ids)
            ids[line, at:end] = row_ids
            labels[line, at + 1 : end] = row_labels[1:]
            positions[line, at:end] = np.arange(len(row_ids))
            at = end
        positions[line, at:] = np.arange(
            width - at
        )  # the padding is a row of its own, which nobody attends to
    return Batch(_tensor(ids, device), _tensor(labels, device), None, _tensor(positions, device), None)


def row_batch(split: TokenisedSplit, rows: Sequence[int], device: torch.device) -> Batch:
    """Rows side by side, padded to the longest."""
    width = max(int(split.lengths[row]) for row in rows)
    ids = np.full((len(rows), width), split.info.pad_token_id, dtype=np.int64)
    labels = np.full((len(rows), width), IGNORED, dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for line, row in enumerate(rows):
        row_ids, row_labels = split.row(row)
        ids[line, : len(row_ids)] = row_ids
        labels[line, 1 : len(row_ids)] = row_labels[1:]
        mask[line, : len(row_ids)] = 1
    classes = None
    if split.class_ids is not None:
        classes = _tensor(split.class_ids[list(rows)].astype(np.int64), device)
    return Batch(_tensor(ids, device), _tensor(labels, device), _tensor(mask, device), None, classes)


def prompt_batch(
    split: TokenisedSplit, rows: Sequence[int], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Prompts of the rows, left-padded, so that generation goes on at the right edge.

    Returns:
        Token ids and their mask, both [rows, tokens of the longest prompt].
    """
    lengths = [int(split.prompt_lengths[row]) for row in rows]
    width = max(lengths)
    ids = np.full((len(rows), width), split.info.pad_token_id, dtype=np.int64)
    mask = np.zeros((len(rows), width), dtype=np.int64)
    for line, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        ids[line, width - length :] = split.row(row)[0][:length]
        mask[line, width - length :] = 1
    return _tensor(ids, device), _tensor(mask, device)


def _tensor(values: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(values).to(device, non_blocking=True)
