"""All rows of a data set's files, read and understood."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from belay_gpu.canonical import canonical_json, sha256_bytes
from belay_gpu.contracts import DatasetFormat, DatasetSpec, Task, WeightedSource
from belay_gpu.skills.dataset.files import DataFile, Row, invalid, read_file
from belay_gpu.skills.dataset.formats import Example, Labelled, Pair, choose_format, identity, parse_rows
from belay_gpu.skills.dataset.openings import own_texts
from belay_gpu.skills.dataset.similarity import Likeness, find_alike


@dataclass(frozen=True)
class Table:
    """Rows numbered through: the sources in order, then the validation file, then the test file.

    Attributes:
        sources: files that rows are split off.
        weights: how often the rows of each source are used.
        given: validation and test files, by split.
        rows: all rows.
        examples: what each row means.
        format: of all rows.
        format_reason: how it was found.
        likeness: which rows repeat others.
    """

    sources: list[DataFile]
    weights: list[float]
    given: dict[str, DataFile]
    rows: list[Row]
    examples: list[Example]
    format: DatasetFormat
    format_reason: str
    likeness: Likeness

    @cached_property
    def columns(self) -> list[str]:
        return columns_of([*self.sources, *self.given.values()])

    @cached_property
    def sha256(self) -> str:
        """Names the data set: its files, and how they are mixed."""
        sources = [[file.sha256, weight] for file, weight in zip(self.sources, self.weights, strict=True)]
        given = {name: file.sha256 for name, file in self.given.items()}
        return sha256_bytes(canonical_json({"sources": sources, **given}))

    @cached_property
    def source_rows(self) -> list[list[int]]:
        """Row numbers of each source."""
        return _ranges(self.sources, 0)

    @cached_property
    def given_rows(self) -> dict[str, list[int]]:
        """Row numbers of the validation and test files."""
        start = sum(len(file.rows) for file in self.sources)
        return dict(zip(self.given, _ranges(list(self.given.values()), start), strict=True))

    @cached_property
    def source_of(self) -> dict[int, int]:
        """The source of each row that is not in a file of its own split."""
        return {row: source for source, rows in enumerate(self.source_rows) for row in rows}

    @cached_property
    def labels(self) -> list[str] | None:
        """The class of each row; None where rows have none."""
        labels = [example.label for example in self.examples if isinstance(example, Labelled)]
        return labels or None


def read_table(task: Task, spec: DatasetSpec) -> Table:
    """Reads every file and finds the rows' format, which is one for all.

    Raises:
        SkillError: InvalidDataset.
    """
    listed = [WeightedSource(path=spec.path)] if isinstance(spec.path, str) else spec.path
    sources = [read_file(source.path, "dataset.path") for source in listed]
    given: dict[str, DataFile] = {}
    if spec.val_path is not None:
        given["validation"] = read_file(spec.val_path, "dataset.val_path")
    if spec.test_path is not None:
        given["test"] = read_file(spec.test_path, "dataset.test_path")
    files = [*sources, *given.values()]
    rows = [row for file in files for row in file.rows]
    columns = columns_of(files)
    format, reason = choose_format(task, spec, rows[0], columns)
    examples = parse_rows(rows, format, spec, columns)
    if all(isinstance(example, Pair) and not example.prompt for example in examples):
        format, reason = "text", f"{reason}; every prompt is empty, so the rows are plain text"
    own = own_texts(examples, _ranges(sources, 0))
    texts = [identity(example) for example in examples]
    likeness = find_alike(texts, spec.near_duplicate_threshold, own)
    return Table(sources, [s.weight for s in listed], given, rows, examples, format, reason, likeness)


def groups_of(table: Table, column: str | None) -> dict[int, str]:
    """The group of each row by `dataset.group_by`; a validation or test file may have no such column.

    Raises:
        SkillError: InvalidDataset where a source row lacks the column.
    """
    if column is None:
        return {}
    found: dict[int, str] = {}
    for number, row in enumerate(table.rows):
        if column in row.values:
            found[number] = _group_name(row.values[column])
        elif number in table.source_of:
            raise invalid(
                f"{row.place}: no column {column} (dataset.group_by); the row has {', '.join(row.values)}"
            )
    return found


def _group_name(value: Any) -> str:
    """A value as JSON. What JSON has no word for is written as Python does, as a Parquet file's times are."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def columns_of(files: Sequence[DataFile]) -> list[str]:
    """Columns of all files, in order of appearance."""
    return list(dict.fromkeys(column for file in files for column in file.columns))


def _ranges(files: Sequence[DataFile], start: int) -> list[list[int]]:
    ranges: list[list[int]] = []
    for file in files:
        ranges.append(list(range(start, start + len(file.rows))))
        start += len(file.rows)
    return ranges
