"""What the linear probe is fitted on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from belay_gpu.data.tokenised import TokenisedSplit
from belay_gpu.engine.baselines import PROBE_ROWS, probe_metrics, probe_rows
from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.spec import BaseSpec
from tests.support.tiny import class_task, save_bert


def sorted_by_label(split: TokenisedSplit) -> TokenisedSplit:
    assert split.class_ids is not None
    order = np.argsort(split.class_ids, kind="stable")
    return replace(
        split,
        input_ids=np.concatenate([split.row(row)[0] for row in order]),
        row_offsets=np.concatenate([[0], np.cumsum(split.lengths[order])]),
        class_ids=split.class_ids[order],
    )


def test_the_probe_of_a_file_sorted_by_label_knows_every_class(tmp_path: Path) -> None:
    train = sorted_by_label(class_task(2 * PROBE_ROWS + 200, classes=2))
    assert train.class_ids is not None and not train.class_ids[: PROBE_ROWS - 100].any()
    base = BaseSpec(str(save_bert(tmp_path)), task="sequence_classification", class_names=("c0", "c1"))
    engine = PeftEngine(base, torch.device("cpu"))
    held_out = class_task(200, classes=2, split="test", seed=9)
    batches: list[int] = []
    probe = probe_metrics(engine, train, held_out, 250, lambda: batches.append(1))
    assert probe["accuracy"] > 0.9
    assert len(batches) == PROBE_ROWS // 250 + 1, "a sign of life after each"


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_the_probe_sees_every_class_of_rows_in_turn(classes: int) -> None:
    counts = np.bincount([row % classes for row in probe_rows(PROBE_ROWS * classes)], minlength=classes)
    assert counts.sum() == PROBE_ROWS
    assert counts.min() > 0.8 * PROBE_ROWS / classes


def test_few_rows_are_all_taken() -> None:
    assert probe_rows(7) == list(range(7))
    assert probe_rows(PROBE_ROWS + 1) == probe_rows(PROBE_ROWS + 1)
