"""A JSON file is read row by row, as `json.loads` reads it whole, faults included."""

from __future__ import annotations

import json
from typing import Any

import pytest

from belay_gpu.skills.dataset.files import read_file
from belay_gpu.skills.dataset.json_steps import decode_in_steps
from tests.skills.dataset.conftest import Write, pairs

DOCUMENTS = [
    ' [ {"a": [1, {"b": null}], "c": "x,]"} ,\n{"a": []}, 7, "s", [[2], -1.5e3], true ] \n',
    '{"data": [{"a": 1},\n {"a": 2}], "version" : "1.0", "none": [ ], "n": {"m": {}}, "data": [3]}',
    "[]",
    "{ }",
    '"text"',
    "12",
]
SIGNS = '[]{}",: 1x\\'


def outcome(decode: Any, text: str) -> Any:
    try:
        return repr(decode(text, parse_constant=str))
    except json.JSONDecodeError as error:
        return error.msg, error.pos, error.lineno, error.colno


@pytest.mark.parametrize("document", DOCUMENTS)
def test_whatever_is_wrong_is_told_as_by_the_whole(document: str) -> None:
    spoilt = [document, "", " "]
    for place in range(len(document)):
        spoilt += [document[:place], document[:place] + document[place + 1 :]]
        spoilt += [document[:place] + sign + document[place:] for sign in SIGNS]
    for text in spoilt:
        expected = outcome(json.loads, text)
        if "Illegal trailing comma" not in expected:  # as newer Pythons say instead of "Expecting value"
            assert outcome(decode_in_steps, text) == expected, text


def test_no_step_decodes_more_than_one_row(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = pairs(20)
    path = write(rows, "data.json")
    whole = json.JSONDecoder.raw_decode
    longest = 0

    def measured(decoder: json.JSONDecoder, s: str, idx: int = 0) -> tuple[Any, int]:
        nonlocal longest
        value, end = whole(decoder, s, idx)
        longest = max(longest, end - idx)
        return value, end

    monkeypatch.setattr(json.JSONDecoder, "raw_decode", measured)
    assert [row.values for row in read_file(path, "dataset.path").rows] == rows
    assert longest == max(len(json.dumps(row)) for row in rows)
