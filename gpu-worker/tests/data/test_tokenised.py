from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from belay_gpu.data.batches import label_count, prompt_batch, row_batch, unit_batch
from belay_gpu.data.packing import pack_rows
from belay_gpu.data.tokenised import IGNORED, encode_split, read_info, read_split
from tests.support.tiny import PAD, class_task, copy_task, write_split

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    "split", [copy_task(7), copy_task(9, packed_to=40), class_task(5)], ids=["rows", "bins", "classes"]
)
def test_a_split_reads_back_as_it_was_written(tmp_path: Path, split) -> None:
    path = write_split(tmp_path, split)
    again = read_split(path)
    assert again.info == split.info == read_info(path)
    assert (again.prompts, again.completions, again.bins) == (split.prompts, split.completions, split.bins)
    for name in (
        "input_ids",
        "labels",
        "row_offsets",
        "prompt_lengths",
        "completion_bytes",
        "row_ids",
        "class_ids",
    ):
        np.testing.assert_array_equal(getattr(again, name), getattr(split, name))
    assert encode_split(again) == path.read_bytes()


def test_a_split_without_rows_reads_back(tmp_path: Path) -> None:
    assert read_split(write_split(tmp_path, copy_task(0))).rows == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.zeros(3, np.int32)}, "labels has 3 entries"),
        ({"prompts": []}, "prompts has 0 entries for 4 rows"),
        ({"row_offsets": np.array([0, 5, 4, 9, 12])}, "row_offsets must run from 0"),
        ({"bins": [[0, 1], [1, 2, 3]]}, "every row exactly once"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode_split(replace(copy_task(4), **change))


def test_another_safetensors_file_is_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    save_file({"x": np.zeros(1)}, tmp_path / "x.safetensors")
    with pytest.raises(ValueError, match="not a tokenised split"):
        read_split(tmp_path / "x.safetensors")


@pytest.mark.parametrize("capacity", [8, 16, 33])
def test_packing_keeps_every_row_once_within_capacity(capacity: int) -> None:
    lengths = np.random.default_rng(capacity).integers(1, 20, 60).tolist()
    bins = pack_rows(lengths, capacity)
    assert sorted(row for rows in bins for row in rows) == list(range(60))
    assert all(sum(lengths[row] for row in rows) <= capacity or len(rows) == 1 for rows in bins)
    assert bins == pack_rows(list(lengths), capacity)
    assert len(bins) < 60


def test_rows_are_padded_right_and_prompts_left() -> None:
    split = copy_task(3)
    batch = row_batch(split, [0, 1, 2], CPU)
    ids, mask = prompt_batch(split, [0, 1, 2], CPU)
    for line in range(3):
        row, _ = split.row(line)
        assert batch.input_ids[line, : len(row)].tolist() == row.tolist()
        assert batch.attention_mask is not None
        assert batch.attention_mask[line].sum() == len(row)
        assert (batch.labels[line, len(row) :] == IGNORED).all()
        prompt = int(split.prompt_lengths[line])
        assert ids[line, -prompt:].tolist() == row[:prompt].tolist()
        assert mask[line].sum() == prompt
        assert (ids[line, : ids.shape[1] - prompt] == PAD).all()


def test_packed_bins_reset_positions_and_mask_each_rows_first_label() -> None:
    split = copy_task(6, packed_to=32)
    batch = unit_batch(split, list(range(len(split.bins))), CPU)
    assert batch.attention_mask is None
    assert batch.position_ids is not None
    for line, rows in enumerate(split.bins):
        at = 0
        for row in rows:
            length = int(split.lengths[row])
            assert batch.position_ids[line, at : at + length].tolist() == list(range(length))
            assert batch.labels[line, at] == IGNORED
            at += length
    labels = int((batch.labels != IGNORED).sum())
    assert labels == label_count(split, list(range(len(split.bins))))
