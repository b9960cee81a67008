"""Text that a model's tokenizer does not know is told of: what is learnt instead of it is worth nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.skills.dataset.conftest import Rows, Run, Write
from tests.support.tiny import save_llama


def rows_of(words: list[str]) -> Rows:
    count = len(words)
    return [
        {
            "prompt": f"{words[n % count]} {words[n // count % count]}",
            "completion": f" {words[n * 7 % count]}",
        }
        for n in range(40)
    ]


@pytest.mark.parametrize(("words", "share"), [(["zebra", "yak", "xerus"], "0 %"), (["w5", "w6", "w7"], None)])
def test_unknown_words_are_warned_of(
    words: list[str], share: str | None, write: Write, run: Run, tmp_path: Path
) -> None:
    found = run(write(rows_of(words)), model=str(save_llama(tmp_path / "model")))
    warned = [
        line for line in found.profile.warnings if "the model's tokenizer does not know this text" in line
    ]
    assert bool(warned) is (share is not None)
    for line in warned:
        assert "of the tokens are w0" in line


@pytest.mark.parametrize("truncation", ["drop", "keep_end", "keep_start"])
def test_unknown_words_are_counted_in_the_rows_that_are_kept(
    truncation: str, write: Write, run: Run, tmp_path: Path
) -> None:
    long = {"prompt": "w5 " * 20, "completion": " w6"}
    found = run(
        write([*rows_of(["zebra", "yak", "xerus"]), long]),
        model=str(save_llama(tmp_path / "model")),
        cutoff_len=8,
        truncation=truncation,
        val_set_size=6,
        test_set_size=0,
    )
    assert sum(split.rows for split in found.splits.values()) == (41 if truncation == "keep_end" else 40)
    assert any("of the tokens are w0" in line for line in found.profile.warnings)
