"""A torn or altered log gives its exact valid prefix."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from belay_gpu import wal as module
from belay_gpu.wal import Wal, encode_line, valid_prefix

EVENTS = 5


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "run.wal"
    wal = Wal(path, "run", "engine.1")
    for step in range(EVENTS):
        wal.append(
            "run/trial-0", 1, "trial.metrics", {"step": step, "values": {"train_loss": 0.5, "text": "é"}}
        )
    wal.close()
    return path


def line_ends(data: bytes) -> list[int]:
    return [0] + [at + 1 for at, byte in enumerate(data) if byte == 0x0A]


def test_events_carry_run_source_and_a_dense_sequence(log: Path) -> None:
    events = valid_prefix(log.read_bytes(), 0).events
    assert [event["seq"] for event in events] == list(range(EVENTS))
    assert {(event["run"], event["source"], event["epoch"]) for event in events} == {("run", "engine.1", 1)}
    assert events[0]["at"].endswith("Z")


def test_cut_at_every_byte_the_whole_lines_remain(log: Path) -> None:
    data = log.read_bytes()
    ends = line_ends(data)
    for cut in range(len(data) + 1):
        prefix = valid_prefix(data[:cut], 0)
        assert prefix.end == max(end for end in ends if end <= cut)
        assert len(prefix.events) == ends.index(prefix.end)


def test_every_flipped_bit_ends_the_prefix_at_its_line(log: Path) -> None:
    data = bytearray(log.read_bytes())
    ends = line_ends(bytes(data))
    for at in range(len(data)):
        for bit in (1, 0x20, 0x80):
            data[at] ^= bit
            prefix = valid_prefix(bytes(data), 0)
            data[at] ^= bit
            assert prefix.end == max(end for end in ends if end <= at), (at, bit)


def test_a_torn_log_goes_on_where_it_was_whole(log: Path) -> None:
    data = log.read_bytes()
    for cut in (len(data) - 1, len(data) // 2, 3):
        log.write_bytes(data[:cut])
        wal = Wal(log, "run", "engine.1")
        wal.append(None, None, "trial.left", {})
        wal.close()
        events = valid_prefix(log.read_bytes(), 0).events
        assert [event["seq"] for event in events] == list(range(len(events)))
        assert events[-1]["kind"] == "trial.left"


def test_a_gap_in_the_sequence_ends_the_prefix() -> None:
    lines = [encode_line({"seq": seq}) for seq in (3, 4, 6)]
    assert valid_prefix(b"".join(lines)).next_seq == 5
    assert valid_prefix(b"".join(lines), 0).events == []


def test_a_number_that_is_not_finite_never_gets_in(log: Path) -> None:
    wal = Wal(log, "run", "engine.1")
    with pytest.raises(ValueError, match="not JSON compliant"):
        wal.append(None, None, "trial.metrics", {"step": 1, "values": {"train_loss": float("nan")}})
    wal.append(None, None, "trial.left", {})
    wal.close()
    assert [event["seq"] for event in valid_prefix(log.read_bytes(), 0).events] == list(range(EVENTS + 1))


def test_a_write_that_fails_leaves_no_half_line_and_is_tried_again(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wal = Wal(log, "run", "engine.1")
    before = log.read_bytes()
    wal.append(None, None, "trial.left", {})
    real, failed = os.write, []

    def full(handle: int, data: memoryview) -> int:
        if not failed:
            failed.append(True)
            real(handle, bytes(data[:5]))
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(handle, data)

    monkeypatch.setattr(module.os, "write", full)
    with pytest.raises(OSError, match="No space"):
        wal.flush()
    assert failed
    assert log.read_bytes() == before
    wal.flush()
    assert len(valid_prefix(log.read_bytes(), 0).events) == EVENTS + 1
