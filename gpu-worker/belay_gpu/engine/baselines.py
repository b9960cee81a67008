"""What a classifier must beat: guessing the commonest class, and a linear probe on the frozen body."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import torch
from torch.nn import functional
from transformers import PreTrainedModel

from belay_gpu.data.batches import row_batch
from belay_gpu.data.tokenised import TokenisedSplit
from belay_gpu.engine.loss import compute_context
from belay_gpu.engine.metrics import classification_metrics
from belay_gpu.engine.peft_engine import PeftEngine

# Rows the probe is fitted on; more would cost memory and change little.
PROBE_ROWS = 5000
# The draw of those rows: the same in every run, so that the baseline of a data set is one number.
PROBE_SEED = 0
# Weight of the squared norm, on standardised features.
RIDGE = 1e-3


def _truth(split: TokenisedSplit) -> list[int]:
    return [] if split.class_ids is None else split.class_ids.tolist()


def majority_metrics(train: TokenisedSplit, split: TokenisedSplit) -> dict[str, float]:
    """Always the commonest class of the training rows (of equals the first)."""
    counts = Counter(_truth(train))
    label = min(counts, key=lambda name: (-counts[name], name))
    return classification_metrics(_truth(split), [label] * split.rows)


def probe_metrics(
    engine: PeftEngine,
    train: TokenisedSplit,
    split: TokenisedSplit,
    batch_size: int,
    alive: Callable[[], object] = lambda: None,
) -> dict[str, float]:
    """Multinomial logistic regression on the mean of the body's last hidden states, no adapter involved.

    `alive` is called after each batch.
    """
    with engine.bare() as model:
        fitted = probe_rows(train.rows)
        known = _features(model, train, fitted, batch_size, alive)
        asked = _features(model, split, list(range(split.rows)), batch_size, alive)
    mean, spread = known.mean(0), known.std(0).clamp_min(1e-6)
    truth = _truth(train)
    labels = torch.tensor([truth[row] for row in fitted])
    classes = len(train.info.class_names or []) or int(labels.max()) + 1
    weights = _fit((known - mean) / spread, labels, classes)
    features = functional.pad((asked - mean) / spread, (0, 1), value=1.0)
    return classification_metrics(_truth(split), (features @ weights).argmax(-1).tolist())


def probe_rows(rows: int) -> list[int]:
    """The training rows that the probe is fitted on, ascending.

    They are drawn, since a file may be sorted by its label or repeat its labels at a fixed distance.
    """
    return sorted(random.Random(PROBE_SEED).sample(range(rows), min(rows, PROBE_ROWS)))


@torch.no_grad()
def _features(
    model: PreTrainedModel,
    split: TokenisedSplit,
    rows: list[int],
    batch_size: int,
    alive: Callable[[], object],
) -> torch.Tensor:
    parts = []
    for start in range(0, len(rows), batch_size):
        batch = row_batch(split, rows[start : start + batch_size], model.device)
        assert batch.attention_mask is not None
        with compute_context(model, model.device):
            hidden = model.base_model(
                input_ids=batch.input_ids, attention_mask=batch.attention_mask
            ).last_hidden_state
        mask = batch.attention_mask.unsqueeze(-1).double()
        parts.append(((hidden.double() * mask).sum(1) / mask.sum(1)).cpu())
        alive()
    return torch.cat(parts)


def _fit(features: torch.Tensor, labels: torch.Tensor, classes: int) -> torch.Tensor:
    inputs = functional.pad(features, (0, 1), value=1.0)
    weights = torch.zeros(inputs.shape[1], classes, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        solver.zero_grad()
        loss = functional.cross_entropy(inputs @ weights, labels) + RIDGE * weights[:-1].square().sum()
        loss.backward()
        return loss

    solver.step(closure)  # type: ignore[arg-type]
    return weights.detach()
