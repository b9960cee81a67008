"""The trace log (write-ahead log) of a process that has no database.

A file is a sequence of lines `<crc32> <event>\\n`: eight lower-case hex digits of the CRC-32 of the event's
bytes, one space, the event as JSON (the contract's `TraceEvent`), one newline. `seq` begins at 0 and rises by
one. One file belongs to one (run, source). A segment in the object store is a run of whole lines of it, byte
for byte.

What a crash leaves is the exact valid prefix: every line up to the first that is torn, altered or out of
order.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

PREFIX = 9  # eight digits and a space


@dataclass(frozen=True)
class ValidPrefix:
    """`end`: bytes that are whole; `events`: what they say; `next_seq`: what the next event must carry."""

    end: int
    events: list[dict[str, Any]]
    next_seq: int | None


def encode_line(event: dict[str, Any]) -> bytes:
    body = json.dumps(event, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    return b"%08x " % zlib.crc32(body) + body + b"\n"


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    start = 0
    while (end := data.find(b"\n", start)) >= 0:
        yield end + 1, data[start:end]
        start = end + 1


def valid_prefix(data: bytes, first_seq: int | None = None) -> ValidPrefix:
    """The whole lines at the head of `data`.

    Args:
        data: bytes of a log, or of a part that begins at a line.
        first_seq: `seq` that the first line must carry; None: any.
    """
    good, events, expected = 0, [], first_seq
    for end, line in _lines(data):
        body = line[PREFIX:]
        # Compared as text: a parser that also took upper case would let some flipped bits pass.
        if line[:PREFIX] != b"%08x " % zlib.crc32(body):
            break
        event = json.loads(body)
        if not isinstance(event, dict) or (expected is not None and event.get("seq") != expected):
            break
        good, expected = end, event["seq"] + 1
        events.append(event)
    return ValidPrefix(good, events, expected)


class Wal:
    """Appends events of one run. Lines reach the file at `flush`, the disk at most `fsync_seconds` later."""

    def __init__(self, path: Path, run: str, source: str, fsync_seconds: float = 0.5) -> None:
        """Opens or goes on with a log; a torn tail is cut off first."""
        self._run, self._source, self._fsync_seconds = run, source, fsync_seconds
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        known = valid_prefix(path.read_bytes(), 0)
        self._end, self._seq = known.end, known.next_seq or 0
        os.ftruncate(self._file.fileno(), self._end)
        self._pending: list[bytes] = []
        self._synced_at = monotonic()
        self._dirty = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing was ever appended, here or by whoever wrote the file before."""
        return self._seq == 0

    def append(self, subject: str | None, epoch: int | None, kind: str, data: dict[str, Any]) -> None:
        """Raises: ValueError for a number that is not finite."""
        event = {
            "run": self._run,
            "source": self._source,
            "seq": self._seq,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "subject": subject,
            "epoch": epoch,
            "kind": kind,
            "data": data,
        }
        self._pending.append(encode_line(event))
        self._seq += 1

    def flush(self, sync: bool = False) -> None:
        """Writes what is pending; syncs when asked, or when the last sync is long enough ago.

        Raises:
            OSError: nothing of the pending lines is in the file then; they are tried again with the next
            flush.
        """
        if self._pending:
            block = b"".join(self._pending)
            try:
                written = 0
                while written < len(block):
                    written += os.write(self._file.fileno(), memoryview(block)[written:])
            except OSError:
                os.ftruncate(self._file.fileno(), self._end)
                raise
            self._end += len(block)
            self._pending.clear()
            self._dirty = True
        if self._dirty and (sync or monotonic() - self._synced_at >= self._fsync_seconds):
            os.fsync(self._file.fileno())
            self._dirty, self._synced_at = False, monotonic()

    def close(self) -> None:
        self.flush(sync=True)
        self._file.close()
