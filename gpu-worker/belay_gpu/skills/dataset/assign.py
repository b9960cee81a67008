"""Every row's split."""

from __future__ import annotations

from collections.abc import Mapping

from belay_gpu.contracts import DatasetSpec
from belay_gpu.skills.dataset.files import invalid
from belay_gpu.skills.dataset.labels import rescue_labels
from belay_gpu.skills.dataset.mixing import used_rows
from belay_gpu.skills.dataset.profile import counted
from belay_gpu.skills.dataset.splitting import split_units, units_of, wanted_rows
from belay_gpu.skills.dataset.table import Table

Splits = dict[str, list[int]]


def assign(table: Table, spec: DatasetSpec, groups: Mapping[int, str], seed: int) -> Splits:
    """Row numbers of train, validation and test; test may be empty.

    Raises:
        SkillError: InvalidDataset where there are too few rows.
    """
    rows = used_rows(table.source_rows, table.weights, spec.max_samples, table.sha256, seed)
    counts = _wanted(table, spec, len(rows))
    drawn = {name for name, count in counts.items() if count > 0}
    if len(rows) < 1 + len(drawn):
        files = ", ".join(file.path.name for file in table.sources)
        kinds = ["training", *(name for name in ("validation", "test") if name in drawn)]
        raise invalid(
            f"{files}: {counted(len(rows), 'row')}, but at least {len(kinds)} are needed: "
            f"one each for {', '.join(kinds)}"
        )
    units = _units(table, rows, groups)
    labels = table.labels
    stratum_of = None if labels is None else lambda unit: labels[unit[0]]
    splits = split_units(units, table.sha256, seed, counts["validation"], counts["test"], stratum_of)
    splits.update(table.given_rows)
    if labels is not None:
        splits = rescue_labels(splits, units, labels, drawn)
    return {name: splits[name] for name in ("train", "validation", "test")}


def _wanted(table: Table, spec: DatasetSpec, rows: int) -> dict[str, int]:
    sizes = {"validation": spec.val_set_size, "test": spec.test_set_size}
    counts = {name: 0 if name in table.given else wanted_rows(size, rows) for name, size in sizes.items()}
    if "validation" not in table.given and counts["validation"] == 0:
        raise invalid("dataset.val_set_size: 0 leaves no validation rows, by which trials are compared")
    return counts


def _units(table: Table, rows: list[int], groups: Mapping[int, str]) -> list[list[int]]:
    position = {row: at for at, row in enumerate(rows)}
    first: dict[int, int] = {}
    roots = [first.setdefault(table.likeness.near[row], position[row]) for row in rows]
    return [[rows[at] for at in unit] for unit in units_of(roots, [groups.get(row) for row in rows])]
