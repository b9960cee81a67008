"""Wrong input gets one line: what, where, and what would be right."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from belay_gpu.engine.errors import EngineError
from tests.skills.dataset.conftest import Run, Write, pairs, texts


def refusal(run: Run, path: Any, error: str = "InvalidDataset", **keys: Any) -> str:
    with pytest.raises(EngineError) as caught:
        run(path, **keys)
    assert caught.value.type == error
    assert "\n" not in caught.value.message
    return caught.value.message


def raw(tmp_path: Path, content: str | bytes, name: str = "data.jsonl") -> str:
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(file)


def test_missing_file(run: Run, tmp_path: Path) -> None:
    path = str(tmp_path / "none.jsonl")
    assert refusal(run, path) == f"dataset.path: there is no file {path}"


def test_unknown_ending(run: Run, tmp_path: Path) -> None:
    message = refusal(run, raw(tmp_path, "x", "data.xlsx"))
    assert message.startswith("dataset.path: data.xlsx has an unknown ending; expected .jsonl, ")


def test_folder(run: Run, tmp_path: Path) -> None:
    assert "is a folder" in refusal(run, str(tmp_path))


@pytest.mark.parametrize(
    ("name", "content"),
    [("d.jsonl", ""), ("d.jsonl", "\n\n"), ("d.json", "[]"), ("d.csv", "prompt,completion\n")],
)
def test_empty(run: Run, tmp_path: Path, name: str, content: str) -> None:
    message = refusal(run, raw(tmp_path, content, name))
    assert message in (f"dataset.path: {name} is empty", f"dataset.path: {name} has no rows")


def test_a_table_without_rows(run: Run, tmp_path: Path) -> None:
    table = pa.table({"prompt": pa.array([], pa.string()), "completion": pa.array([], pa.string())})
    pq.write_table(table, tmp_path / "d.parquet")
    assert refusal(run, str(tmp_path / "d.parquet")) == "dataset.path: d.parquet has no rows"


def test_one_row(run: Run, write: Write) -> None:
    assert refusal(run, write(pairs(1))) == (
        "data.jsonl: 1 row, but at least 3 are needed: one each for training, validation, test"
    )


def test_malformed_line_is_named(run: Run, tmp_path: Path) -> None:
    lines = [json.dumps(row) for row in pairs(5)]
    lines[3] = lines[3][:-1]
    message = refusal(run, raw(tmp_path, "\n".join(lines)))
    assert message.startswith("data.jsonl, line 4: not valid JSON (Expecting ',' delimiter, column ")


def test_malformed_line_after_blank_ones_keeps_its_number(run: Run, tmp_path: Path) -> None:
    assert "line 5:" in refusal(run, raw(tmp_path, json.dumps(pairs(1)[0]) + "\n\n\n\n{oops\n"))


def test_json_numbers_that_are_none(run: Run, tmp_path: Path) -> None:
    assert "NaN is not a JSON number" in refusal(run, raw(tmp_path, '{"prompt": NaN, "completion": "x"}\n'))


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("d.jsonl", '{"prompt":"a","completion":"b"}\n{"prompt":"a","completion":"x \\ud83d"}\n', "line 2"),
        ("d.json", '[{"prompt":"a","completion":"b"},{"prompt":"a","completion":"\\ud83d x"}]', "row 2"),
    ],
)
def test_half_of_a_surrogate_pair(run: Run, tmp_path: Path, name: str, content: str, place: str) -> None:
    assert refusal(run, raw(tmp_path, content, name)) == (
        f"{name}, {place}: completion holds half of a surrogate pair (\\ud83d), which is no character; write "
        "both halves or remove it"
    )


def test_a_surrogate_pair_is_one_character(run: Run, write: Write) -> None:
    rows = [{**row, "completion": f"{row['completion']} \U0001f600"} for row in pairs(9)]
    path = write(rows)
    assert "\\ud83d\\ude00" in Path(path).read_text()
    assert run(path).splits["train"].completions[0].endswith("\U0001f600")


def test_a_number_that_python_does_not_read(run: Run, tmp_path: Path) -> None:
    message = refusal(run, raw(tmp_path, '{"prompt": "a", "completion": "b", "id": ' + "7" * 5000 + "}\n"))
    assert message == "data.jsonl, line 1: not readable JSON (a number has thousands of digits)"


def test_row_that_is_no_object(run: Run, tmp_path: Path) -> None:
    message = refusal(run, raw(tmp_path, '{"prompt":"a","completion":"b"}\n["a","b"]\n'))
    assert message == "data.jsonl, line 2: expected an object with named columns, found a list"


def test_not_utf8(run: Run, tmp_path: Path) -> None:
    assert "not UTF-8" in refusal(run, raw(tmp_path, b'{"prompt": "\xff\xfe"}\n'))


def test_csv_with_a_ragged_row(run: Run, tmp_path: Path) -> None:
    message = refusal(run, raw(tmp_path, "prompt,completion\na,b\na,b,c,d\n", "d.csv"))
    assert message.startswith("d.csv: not readable as CSV (") and "line 3" in message


def test_parquet_that_is_none(run: Run, tmp_path: Path) -> None:
    assert refusal(run, raw(tmp_path, "hello", "d.parquet")).startswith(
        "d.parquet: not readable as Parquet ("
    )


def test_unknown_columns(run: Run, write: Write) -> None:
    assert refusal(run, write([{"question": "a", "answer": "b"}])) == (
        "data.jsonl, line 1: no known format in the columns question, answer; expected one of: messages; "
        "conversations; prompt + completion; instruction + output; text"
    )


def test_mixed_formats_name_the_first_that_differs(run: Run, write: Write) -> None:
    rows = [*pairs(3), {"instruction": "a", "output": "b"}, *pairs(3)]
    message = refusal(run, write(rows))
    assert message.startswith(
        "mixed formats: the rows before it are prompt_completion, but data.jsonl, line 4 is alpaca "
        "(columns instruction, output)"
    )


def test_missing_column_in_a_later_row(run: Run, write: Write) -> None:
    assert refusal(run, write([*pairs(2), {"prompt": "a", "answer": "b"}])) == (
        "data.jsonl, line 3: no column completion; prompt_completion rows need prompt, completion, "
        "this one has prompt, answer"
    )


def test_missing_column_in_a_csv(run: Run, write: Write) -> None:
    message = refusal(run, write([{"text": "a", "intent": "b"}], "d.csv"), task="sequence_classification")
    assert message == (
        "d.csv, row 1: no column label; labelled_text rows need text, label, this one has text, intent; "
        "dataset.text_column and label_column name others"
    )


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"prompt": "a", "completion": None}, "completion should be text, found null"),
        ({"prompt": "a", "completion": 3}, "completion should be text, found int 3"),
        ({"prompt": "a", "completion": "  "}, "completion is empty; fill it or remove the row"),
        ({"messages": []}, "messages should be a list of {role, content}"),
        ({"messages": [{"role": "user"}]}, "messages[1] should be an object with role and content"),
        (
            {"messages": [{"role": "boss", "content": "a"}]},
            "messages[1].role is 'boss'; expected one of human",
        ),
        ({"messages": [{"role": "user", "content": "a"}]}, "no turn in messages is the assistant's"),
    ],
)
def test_values_that_cannot_be(run: Run, write: Write, row: dict[str, Any], expected: str) -> None:
    assert refusal(run, write([row] * 4)).startswith(f"data.jsonl, line 1: {expected}")


def test_label_absent_from_training(run: Run, write: Write, encoder: str) -> None:
    test = write([{"text": "some other words", "label": "c9"}], "test.csv")
    message = refusal(run, write(texts(20)), task="sequence_classification", model=encoder, test_path=test)
    assert message == (
        "test.csv, row 1: the label 'c9' occurs among the test rows but in no training row, so it cannot be "
        "learnt; add training rows of it or remove these"
    )


def test_named_classes(run: Run, write: Write, encoder: str) -> None:
    path = write(texts(20, classes=2))
    keys: dict[str, Any] = {"task": "sequence_classification", "model": encoder}
    assert "'c1' is not among dataset.class_names (c0)" in refusal(run, path, **keys, class_names=["c0"])
    assert refusal(run, path, **keys, class_names=["c0", "c1", "c2"]) == (
        "dataset.class_names: 'c2' has no training row; add some or remove the class"
    )
    assert "named twice" in refusal(run, path, **keys, class_names=["c0", "c0", "c1"])


def test_single_class(run: Run, write: Write, encoder: str) -> None:
    message = refusal(run, write(texts(20, classes=1)), task="sequence_classification", model=encoder)
    assert "needs at least two classes" in message


def test_type_that_does_not_fit_the_task(run: Run, write: Write) -> None:
    assert "has no labels" in refusal(run, write(texts(9)), task="sequence_classification", type="text")
    assert "not for causal_lm" in refusal(run, write(texts(9)), type="labelled_text")


def test_no_validation_rows(run: Run, write: Write) -> None:
    assert "leaves no validation rows" in refusal(run, write(pairs(20)), val_set_size=0)


def test_splits_that_leave_nothing(run: Run, write: Write) -> None:
    message = refusal(run, write(pairs(20)), val_set_size=10, test_set_size=10)
    assert message.startswith("10 validation and 10 test rows leave none of 20 to train on")


def test_too_few_groups(run: Run, write: Write) -> None:
    rows = [{**row, "who": "ab"[n % 2]} for n, row in enumerate(pairs(20))]
    assert "form only 2 groups that must stay together" in refusal(run, write(rows), group_by="who")


def test_group_column_that_is_not_there(run: Run, write: Write) -> None:
    assert "line 1: no column who (dataset.group_by)" in refusal(run, write(pairs(20)), group_by="who")


def test_longer_than_the_model(run: Run, write: Write) -> None:
    rows = [*pairs(10), {"prompt": "word " * 400, "completion": "x"}]
    message = refusal(run, write(rows), cutoff_len=1024)
    assert message.startswith("data.jsonl, line 11: ")
    assert (
        "the model takes at most 256 and dataset.cutoff_len is 1024; set cutoff_len to at most 256" in message
    )


def test_every_row_too_long(run: Run, write: Write) -> None:
    rows = [{"prompt": f"{row['prompt']} " * 9, "completion": "x"} for row in pairs(10)]
    assert "every train row is longer than dataset.cutoff_len 8 (the shortest has " in refusal(
        run, write(rows), cutoff_len=8
    )


def test_packing_of_labelled_rows(run: Run, write: Write, encoder: str) -> None:
    message = refusal(run, write(texts(20)), task="sequence_classification", model=encoder, packing=True)
    assert message.startswith("dataset.packing: rows with a label each cannot be packed")


def test_template_file_that_is_not_there(run: Run, write: Write) -> None:
    assert "there is no file chat.jinja" in refusal(run, write(pairs(20)), template="chat.jinja")


def test_unknown_model(run: Run, write: Write, tmp_path: Path) -> None:
    message = refusal(run, write(pairs(20)), error="ModelUnavailable", model=str(tmp_path / "nowhere"))
    assert message == f"model {tmp_path / 'nowhere'}: there is no such folder"


def test_pickled_weights(run: Run, write: Write, tmp_path: Path, plain_model: str) -> None:
    folder = tmp_path / "pickled"
    folder.mkdir()
    (folder / "config.json").write_bytes((Path(plain_model) / "config.json").read_bytes())
    (folder / "pytorch_model.bin").write_bytes(b"\x80")
    message = refusal(run, write(pairs(20)), error="ModelUnavailable", model=str(folder))
    assert "no safetensors weights (found pytorch_model.bin: pickled weights can run code" in message
