"""Rows of a data file, each with the place it came from."""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from belay_gpu.canonical import sha256_file
from belay_gpu.skills.dataset.json_steps import decode_in_steps
from belay_gpu.skills.failures import SkillError

KINDS = {
    ".jsonl": "JSONL",
    ".ndjson": "JSONL",
    ".json": "JSON",
    ".csv": "CSV",
    ".tsv": "CSV",
    ".parquet": "Parquet",
}
ESCAPE = "\\u"
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True)
class Row:
    """One row as read. `number` counts from 1: lines of a JSONL file, rows of any other."""

    file: str
    unit: str
    number: int
    values: dict[str, Any]

    @property
    def place(self) -> str:
        return f"{self.file}, {self.unit} {self.number}"


@dataclass(frozen=True)
class DataFile:
    """A whole file in memory."""

    path: Path
    sha256: str
    rows: list[Row]
    columns: list[str]


def invalid(message: str) -> SkillError:
    """The rows are wrong: a person must change them."""
    return SkillError("InvalidDataset", message)


def read_file(path: str, key: str) -> DataFile:
    """Reads JSONL, JSON, CSV or Parquet.

    Args:
        path: of the file.
        key: the experiment's key that named it, for messages.

    Raises:
        SkillError: InvalidDataset.
    """
    file = Path(path)
    if not file.exists():
        raise invalid(f"{key}: there is no file {path}")
    if file.is_dir():
        raise invalid(f"{key}: {path} is a folder; name one {_known()} file in it")
    kind = KINDS.get(file.suffix.lower())
    if kind is None:
        raise invalid(f"{key}: {file.name} has an unknown ending; expected {_known()}")
    if file.stat().st_size == 0:
        raise invalid(f"{key}: {file.name} is empty")
    unit = "line" if kind == "JSONL" else "row"
    try:
        values = list(_READERS[kind](file))
    except UnicodeDecodeError as error:
        raise invalid(f"{file.name}: not UTF-8 (byte {error.start}); save the file as UTF-8") from error
    if not values:
        raise invalid(f"{key}: {file.name} has no rows")
    rows = [Row(file.name, unit, number, row) for number, row in values]
    columns = list(dict.fromkeys(name for row in rows for name in row.values))
    return DataFile(file, sha256_file(file), rows, columns)


def _known() -> str:
    endings = list(dict.fromkeys(KINDS))
    return f"{', '.join(endings[:-1])} or {endings[-1]}"


def _jsonl(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with file.open(encoding="utf-8-sig", newline="\n") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                place = f"{file.name}, line {number}"
                yield number, _row(_json(line, place), place, ESCAPE in line)


def _json_array(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    text = file.read_text(encoding="utf-8-sig")
    content, has_escapes = _json(text, file.name, decode_in_steps), ESCAPE in text
    if isinstance(content, dict):
        lists = [name for name, value in content.items() if isinstance(value, list)]
        if len(lists) != 1:
            raise invalid(f"{file.name}: expected a list of rows, or an object with one such list (`data`)")
        content = content[lists[0]]
    if not isinstance(content, list):
        raise invalid(f"{file.name}: expected a list of rows, found {_kind(content)}")
    for number, value in enumerate(content, 1):
        yield number, _row(value, f"{file.name}, row {number}", has_escapes)


def _json(text: str, place: str, decode: Callable[..., Any] = json.loads) -> Any:
    try:
        return decode(text, parse_constant=lambda name: _refuse_constant(name, place))
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}" if "\n" in text.strip() else f"column {error.colno}"
        raise invalid(f"{place}: not valid JSON ({error.msg}, {at})") from error
    except ValueError as error:
        # Python reads no whole number beyond a limit, lest a file keep it busy for hours.
        raise invalid(f"{place}: not readable JSON (a number has thousands of digits)") from error
    except RecursionError as error:
        raise invalid(f"{place}: not valid JSON (nested too deeply)") from error


def _refuse_constant(name: str, place: str) -> Any:
    raise invalid(f"{place}: not valid JSON ({name} is not a JSON number)")


def _row(value: Any, place: str, has_escapes: bool) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise invalid(f"{place}: expected an object with named columns, found {_kind(value)}")
    if has_escapes:
        _refuse_half_characters(value, place)
    return value


def _refuse_half_characters(row: dict[str, Any], place: str) -> None:
    """An escape can write one half of a surrogate pair, which no UTF-8 text, and so no artifact, can hold."""
    for name, value in row.items():
        try:
            json.dumps([name, value], ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            half = ascii(error.object[error.start])[1:-1]
            column = name.encode("ascii", "backslashreplace").decode()
            raise invalid(
                f"{place}: {column} holds half of a surrogate pair ({half}), which is no character; write "
                "both halves or remove it"
            ) from error


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a string", dict: "an object", type(None): "null", bool: "a boolean"}
    return names.get(type(value), "a number")


def _csv(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    from datasets import Features, Value

    separator = "\t" if file.suffix.lower() == ".tsv" else ","
    records = _first_records(file, separator)
    if len(records) < 2:
        return iter(())
    (_, header), (line, first) = records
    _check_header(file.name, header, separator)
    # The library would take the surplus for an index: every row of the file would be shifted.
    if len(first) > len(header):
        raise invalid(
            f"{file.name}, line {line}: {len(first)} values, but the header names {len(header)} "
            f"({', '.join(header)}); put a value that holds a {SEPARATORS[separator][:-1]} in double quotes"
        )
    # Text, and nothing taken for a missing value: a class named 01 or NA stays what it is.
    features = Features({name: Value("string") for name in header})
    options = {"features": features, "keep_default_na": False, "sep": separator, "encoding": "utf-8-sig"}
    return _through_datasets(file, "CSV", options)


def _first_records(file: Path, separator: str) -> list[tuple[int, list[str]]]:
    """Header and first row, each with the line it starts at; blank lines are passed over."""
    found: list[tuple[int, list[str]]] = []
    csv.field_size_limit(sys.maxsize)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        read, line = csv.reader(lines, delimiter=separator), 1
        for record in read:
            if len(record) > 1 or "".join(record).strip():
                found.append((line, record))
            if len(found) == 2:
                break
            line = read.line_num + 1
    return found


def _check_header(name: str, header: list[str], separator: str) -> None:
    others = [each for each in SEPARATORS if len(header) == 1 and each != separator and each in header[0]]
    if others:
        raise invalid(
            f"{name}: its columns seem to be separated by {SEPARATORS[others[0]]} ({header[0]!r}); separate "
            f"them by {SEPARATORS[separator]}"
        )
    if "" in header:
        raise invalid(
            f"{name}: column {header.index('') + 1} of the header has no name; name it or remove the column "
            "(pandas writes its index so, unless index=False)"
        )
    if len(set(header)) < len(header):
        raise invalid(f"{name}: two columns have one name ({', '.join(header)})")


def _parquet(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    from pyarrow import ArrowException
    from pyarrow.parquet import read_metadata

    try:
        rows = read_metadata(file).num_rows
    except (ArrowException, OSError) as error:
        raise invalid(f"{file.name}: not readable as Parquet ({_reason(error)})") from error
    # The library cannot read a file that has none.
    return _through_datasets(file, "Parquet", {}) if rows else iter(())


def _through_datasets(file: Path, kind: str, options: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    import datasets

    datasets.disable_progress_bars()
    read = datasets.Dataset.from_csv if kind == "CSV" else datasets.Dataset.from_parquet
    with tempfile.TemporaryDirectory(prefix="belay-data-") as cache:
        try:
            table = read(str(file), cache_dir=cache, keep_in_memory=True, **options)
        except Exception as error:
            # The library wraps the readers' own errors; the innermost says what is wrong with the file.
            if isinstance(_root(error), UnicodeDecodeError):
                raise _root(error) from error
            raise invalid(f"{file.name}: not readable as {kind} ({_reason(error)})") from error
        rows: Iterable[Any] = table
        for number, row in enumerate(rows, 1):
            yield number, dict(row)


def _root(error: BaseException) -> BaseException:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return error


def _reason(error: BaseException) -> str:
    text = " ".join(str(_root(error)).split()) or type(error).__name__
    return text.removeprefix("Error tokenizing data. C error: ").rstrip(".")[:200]


_READERS = {"JSONL": _jsonl, "JSON": _json_array, "CSV": _csv, "Parquet": _parquet}
