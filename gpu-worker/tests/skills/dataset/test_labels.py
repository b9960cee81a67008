"""The order of classes."""

from __future__ import annotations

from itertools import permutations

from belay_gpu.skills.dataset.labels import label_order
from tests.skills.dataset.conftest import Run, Write, texts


def test_the_order_does_not_depend_on_that_in_which_labels_are_met() -> None:
    for labels in permutations(["10", "nan", "-2", "inf", "2.5", "other"]):
        assert sorted(labels, key=label_order) == ["-2", "2.5", "10", "inf", "nan", "other"]


def test_a_class_named_nan(write: Write, run: Run, encoder: str) -> None:
    rows = [{**row, "label": ("nan", "2", "10")[n % 3]} for n, row in enumerate(texts(30))]
    found = run(write(rows, "data.csv"), model=encoder, task="sequence_classification")
    assert found.class_names == ["2", "10", "nan"]
