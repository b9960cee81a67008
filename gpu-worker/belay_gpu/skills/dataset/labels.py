"""Classes of a labelled data set."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from belay_gpu.skills.dataset.files import Row, invalid


def rescue_labels(
    splits: Mapping[str, list[int]], units: Sequence[list[int]], labels: Sequence[str], drawn: set[str]
) -> dict[str, list[int]]:
    """Gives a label to training whose few rows were all split off: it could not be learnt otherwise.

    Args:
        splits: rows by split.
        units: rows that must stay together; they move as a whole.
        labels: per row.
        drawn: splits that were drawn, not given as files of their own.
    """
    known = {labels[row] for row in splits["train"]}
    split_of = {row: name for name, rows in splits.items() for row in rows}
    moved: set[int] = set()
    for unit in units:
        if any(labels[row] not in known for row in unit) and split_of[unit[0]] in drawn:
            moved.update(unit)
            known.update(labels[row] for row in unit)
    others = {
        name: [row for row in rows if row not in moved] for name, rows in splits.items() if name != "train"
    }
    return {"train": sorted({*splits["train"], *moved}), **others}


def choose_classes(
    named: Sequence[str] | None,
    splits: Mapping[str, Sequence[int]],
    labels: Sequence[str],
    rows: Sequence[Row],
) -> list[str]:
    """The classes in order.

    Raises:
        SkillError: InvalidDataset where a label has no training row, is not named, or is the only one.
    """
    trained = {labels[row] for row in splits["train"]}
    classes = list(named) if named is not None else sorted(trained, key=label_order)
    if len(set(classes)) != len(classes):
        twice = next(name for name, count in Counter(classes).items() if count > 1)
        raise invalid(f"dataset.class_names: {twice!r} is named twice")
    for split, members in splits.items():
        for row in members:
            if labels[row] not in trained:
                raise invalid(
                    f"{rows[row].place}: the label {labels[row]!r} occurs among the {split} rows but in no "
                    "training row, so it cannot be learnt; add training rows of it or remove these"
                )
            if labels[row] not in classes:
                raise invalid(
                    f"{rows[row].place}: the label {labels[row]!r} is not among dataset.class_names "
                    f"({', '.join(classes)})"
                )
    unused = [name for name in classes if name not in trained]
    if unused:
        raise invalid(f"dataset.class_names: {unused[0]!r} has no training row; add some or remove the class")
    if len(classes) < 2:
        raise invalid(
            f"every training row has the label {classes[0]!r}; classification needs at least two classes"
        )
    return classes


def label_order(name: str) -> tuple[bool, float, str]:
    """Sorts numbers by their value, before words. `nan` and `inf` are words: no order holds for nan."""
    try:
        value = float(name)
    except ValueError:
        value = math.nan
    return (False, value, name) if math.isfinite(value) else (True, 0.0, name)
