"""Every format from every kind of file, and how it was recognised."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.skills.dataset.conftest import Run, Write, pairs, texts

COUNT = 12


def alpaca() -> list[dict[str, Any]]:
    return [{"instruction": r["prompt"], "input": "", "output": r["completion"]} for r in pairs(COUNT)]


def sharegpt() -> list[dict[str, Any]]:
    return [
        {
            "conversations": [
                {"from": "human", "value": r["prompt"]},
                {"from": "gpt", "value": r["completion"]},
            ]
        }
        for r in pairs(COUNT)
    ]


def messages() -> list[dict[str, Any]]:
    return [
        {
            "messages": [
                {"role": "user", "content": r["prompt"]},
                {"role": "assistant", "content": r["completion"]},
            ]
        }
        for r in pairs(COUNT)
    ]


def plain() -> list[dict[str, Any]]:
    return [{"text": r["prompt"] + r["completion"]} for r in pairs(COUNT)]


FORMATS = {
    "alpaca": alpaca,
    "sharegpt": sharegpt,
    "messages": messages,
    "prompt_completion": lambda: pairs(COUNT),
    "text": plain,
}
FLAT = {"alpaca", "prompt_completion", "text"}


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "parquet"])
@pytest.mark.parametrize("format", list(FORMATS))
def test_every_format_from_every_file(format: str, ending: str, write: Write, run: Run) -> None:
    if ending == "csv" and format not in FLAT:
        pytest.skip("a CSV file has no lists")
    found = run(write(FORMATS[format](), f"data.{ending}"))
    assert found.profile.format == format
    assert found.profile.format_reason.startswith("found: columns")
    assert found.profile.rows.read == COUNT
    train = found.splits["train"]
    for row in range(train.rows):
        ids, labels = train.row(row)
        assert ids[-1] == labels[-1] == 2, "the end is taught"
        assert (labels != -100).sum() > 1


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_labelled_text(ending: str, write: Write, run: Run, encoder: str) -> None:
    found = run(write(texts(30), f"data.{ending}"), model=encoder, task="sequence_classification")
    assert found.class_names == ["c0", "c1", "c2"]
    train = found.splits["train"]
    assert train.class_ids is not None and (train.labels == -100).all()
    ids, _ = train.row(0)
    assert (ids[0], ids[-1]) == (1, 2), "the tokenizer's frame stays"
    assert train.completions[0] == train.info.class_names[train.class_ids[0]]  # type: ignore[index]


def test_equal_rows_give_equal_tokens_from_every_file(write: Write, run: Run) -> None:
    kinds = [run(write(pairs(COUNT), f"data.{ending}")) for ending in ("jsonl", "json", "csv", "parquet")]
    first = sorted(kinds[0].splits["train"].prompts + kinds[0].splits["validation"].prompts)
    for other in kinds[1:]:
        rows = {p: c for s in other.splits.values() for p, c in zip(s.prompts, s.completions, strict=True)}
        assert rows == {r["prompt"]: r["completion"] for r in pairs(COUNT)}
    assert len(first) == COUNT - 1


def test_csv_values_stay_as_written(write: Write, run: Run, encoder: str) -> None:
    rows = [{"text": r["text"], "label": ["01", "NA"][n % 2]} for n, r in enumerate(texts(20))]
    found = run(write(rows, "data.csv"), model=encoder, task="sequence_classification")
    assert found.class_names == ["01", "NA"]


def test_numeric_labels_are_in_numeric_order(write: Write, run: Run, encoder: str) -> None:
    rows = [{"text": r["text"], "category": (2, 10, 1)[n % 3]} for n, r in enumerate(texts(30))]
    found = run(write(rows), model=encoder, task="sequence_classification")
    assert found.class_names == ["1", "2", "10"]


def test_a_named_type_wins_over_detection(write: Write, run: Run) -> None:
    rows = [{**row, "text": "said otherwise " + row["prompt"]} for row in pairs(COUNT)]
    assert run(write(rows), type="text").profile.format_reason == "named by dataset.type: columns text"


def test_pairs_that_ask_nothing_are_plain_text(write: Write, run: Run) -> None:
    rows = [{**row, "prompt": ""} for row in pairs(COUNT)]
    empty, plain = run(write(rows)), run(write([{"text": row["completion"]} for row in rows], "plain.jsonl"))
    assert empty.profile.format == "text"
    assert empty.profile.format_reason == (
        "found: columns prompt, completion; every prompt is empty, so the rows are plain text"
    )
    for each in (empty, plain):
        for split in each.splits.values():
            assert split.prompt_lengths.tolist() == [0] * split.rows
            assert split.completions == [rows[row]["completion"] for row in split.row_ids]
    assert run(write([*rows, *pairs(1)])).profile.format == "prompt_completion"


def test_byte_order_mark_and_blank_lines(tmp_path: Path, run: Run, write: Write) -> None:
    file = Path(write(pairs(COUNT)))
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes().replace(b"\n", b"\n\n"))
    assert run(str(file)).profile.rows.read == COUNT


def test_the_profile_shows_rows_as_the_model_sees_them(write: Write, run: Run) -> None:
    example = run(write(pairs(COUNT))).profile.examples[0]
    assert example.prompt.endswith(":") and example.completion.endswith("<|im_end|>")
