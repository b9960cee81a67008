"""CSV as people and spreadsheets write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from belay_gpu.skills.dataset.files import read_file
from belay_gpu.skills.failures import SkillError


def rows_of(folder: Path, content: str, name: str = "d.csv") -> list[dict[str, str]]:
    file = folder / name
    file.write_bytes(content.encode())
    return [row.values for row in read_file(str(file), "dataset.path").rows]


def refusal(folder: Path, content: str, name: str = "d.csv") -> str:
    with pytest.raises(SkillError) as caught:
        rows_of(folder, content, name)
    assert caught.value.type == "InvalidDataset" and "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("prompt,completion\nsay hello, twice,hello\nb,c\nd,e\n", 2),
        ("prompt,completion\n\nsay hello, twice,hello\nb,c\n", 3),
        ("prompt,completion\na,b,\nc,d,\n", 2),
    ],
)
def test_a_surplus_value_in_the_first_row(tmp_path: Path, content: str, line: int) -> None:
    assert refusal(tmp_path, content) == (
        f"d.csv, line {line}: 3 values, but the header names 2 (prompt, completion); put a value that holds "
        "a comma in double quotes"
    )


def test_a_surplus_value_between_tabs(tmp_path: Path) -> None:
    message = refusal(tmp_path, "prompt\tcompletion\na\tb\tc\n", "d.tsv")
    assert message.endswith("put a value that holds a tab in double quotes")


def test_a_surplus_value_in_a_later_row(tmp_path: Path) -> None:
    content = "prompt,completion\na,b\nsay hello, twice,hello\n"
    assert refusal(tmp_path, content) == "d.csv: not readable as CSV (Expected 2 fields in line 3, saw 3)"


def test_quoted_values_may_hold_anything(tmp_path: Path) -> None:
    content = 'prompt,completion\n"say ""hello"", twice","hello\nhello"\n'
    assert rows_of(tmp_path, content) == [{"prompt": 'say "hello", twice', "completion": "hello\nhello"}]


@pytest.mark.parametrize("before", ["\n", "\ufeff", "  \n\n"], ids=["blank", "byte order mark", "spaces"])
def test_what_may_stand_before_the_header(tmp_path: Path, before: str) -> None:
    found = rows_of(tmp_path, before + "prompt,completion\na,b\n")
    assert found == [{"prompt": "a", "completion": "b"}]


def test_a_long_first_text(tmp_path: Path) -> None:
    text = "word " * 50_000
    assert rows_of(tmp_path, f'text,label\n"{text}",a\n')[0]["text"] == text


def test_a_header_alone(tmp_path: Path) -> None:
    assert refusal(tmp_path, "prompt,completion\n\n\n") == "dataset.path: d.csv has no rows"


@pytest.mark.parametrize(
    ("separator", "name", "expected"),
    [
        (";", "d.csv", "semicolons ('prompt;completion'); separate them by commas"),
        ("\t", "d.csv", "tabs ('prompt\\tcompletion'); separate them by commas"),
        (",", "d.tsv", "commas ('prompt,completion'); separate them by tabs"),
    ],
)
def test_another_separator(tmp_path: Path, separator: str, name: str, expected: str) -> None:
    content = f"prompt{separator}completion\nsay hello{separator}hello, hello\n"
    assert refusal(tmp_path, content, name) == f"{name}: its columns seem to be separated by {expected}"


def test_a_column_without_a_name(tmp_path: Path) -> None:
    assert refusal(tmp_path, ",prompt,completion\n0,a,b\n") == (
        "d.csv: column 1 of the header has no name; name it or remove the column (pandas writes its index "
        "so, unless index=False)"
    )


def test_numbers_and_empty_values_stay_as_written(tmp_path: Path) -> None:
    found = rows_of(tmp_path, "text,label,note\na,0.0,\nb,1.0,\n")
    assert [row["label"] for row in found] == ["0.0", "1.0"]
    assert [row["note"] for row in found] == ["", ""]
