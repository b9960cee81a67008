"""The folder through which a trainer is ruled and read. Everything in it appears by rename, so nothing is
ever half.

```
commands/<order>.json     orders not yet taken, in name order
jobs/<job>/command.json   an order taken: moved here by rename, so that it is taken once
jobs/<job>/status.json    where a running job is
jobs/<job>/result.json    how it ended, written last
jobs/<job>/checkpoints/   one folder per checkpoint
wal/<run>.wal             trace log
trainer.json              written when the trainer is ready: {pid, device}
turn                      empty; touched as the trainer's loop goes round, and as a long turn gets on
trainer.lock              held by the trainer as long as it lives
```
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from belay_gpu.files import read_json, slug, write_json_atomic
from belay_gpu.trainer.commands import AnyOrder, ReleaseOrder, StopOrder, from_json, to_json


class Spool:
    """Both ends of the spool; the trainer takes, whoever rules it puts."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.commands = root / "commands"
        self.jobs = root / "jobs"
        self.wal = root / "wal"
        for folder in (self.commands, self.jobs, self.wal):
            folder.mkdir(parents=True, exist_ok=True)
        # Counted, since a clock that is set back would let a stop pass the order that it is meant for.
        # What an earlier ruler left here comes first.
        lying = [name.split("-")[0] for name in os.listdir(self.commands)]
        self._numbers = count(1 + max((int(number) for number in lying if number.isdecimal()), default=0))
        self._ruler = secrets.token_hex(4)

    # -- the ruler's end

    def put(self, order: AnyOrder) -> None:
        """Orders of one ruler are taken in the order in which they were put."""
        name = f"{next(self._numbers):020d}-{self._ruler}.json"
        write_json_atomic(self.commands / name, to_json(order), sync=True)

    def status(self, job: str) -> dict[str, Any] | None:
        return read_json(self.job_folder(job) / "status.json")

    def result(self, job: str) -> dict[str, Any] | None:
        return read_json(self.job_folder(job) / "result.json")

    def has_open(self, job: str) -> bool:
        """Whether the trainer has this job or will take it: until its result it works in the job's folder."""
        if self.result(job) is not None:
            return False
        # The commands first: an order moves from there into the folder.
        return self._is_put(job) or self.is_taken(job)

    def is_taken(self, job: str) -> bool:
        """Whether the trainer ever had this job."""
        return (self.job_folder(job) / "command.json").exists()

    def has_work(self) -> bool:
        """Whether any order waits to be taken or any job that was taken has no result."""
        if any(self.commands.glob("[!.]*")):
            return True
        return any(
            not (order.parent / "result.json").exists() for order in self.jobs.glob("[!.]*/command.json")
        )

    def turn(self) -> int | None:
        """A number that is another one after a sign of life of the trainer; None: there was none yet."""
        try:
            return (self.root / "turn").stat().st_mtime_ns
        except FileNotFoundError:
            return None

    def _is_put(self, job: str) -> bool:
        for path in self.commands.glob("[!.]*"):
            with suppress(ValueError):  # what cannot be read is no order
                if (read_json(path) or {}).get("job") == job:
                    return True
        return False

    def ready(self) -> dict[str, Any] | None:
        return read_json(self.root / "trainer.json")

    # -- the trainer's end

    def take(self) -> Iterator[AnyOrder]:
        """Orders that came in, each taken as it is yielded. One that cannot be read is put aside, never taken
        again.
        """
        for name in sorted(
            entry.name for entry in os.scandir(self.commands) if not entry.name.startswith(".")
        ):
            path = self.commands / name
            try:
                order = from_json(json.loads(path.read_bytes()))
            except (ValueError, KeyError, TypeError):
                path.rename(self.jobs / f"refused-{name}")
                continue
            if isinstance(order, StopOrder | ReleaseOrder):
                path.unlink()
            else:
                folder = self.job_folder(order.job)
                folder.mkdir(parents=True, exist_ok=True)
                path.rename(folder / "command.json")
            yield order

    def unfinished(self) -> list[str]:
        """Jobs that were taken and have no result: their trainer died."""
        folders = [folder for folder in self.jobs.iterdir() if (folder / "command.json").exists()]
        return sorted(
            str((read_json(folder / "command.json") or {})["job"])
            for folder in folders
            if not (folder / "result.json").exists()
        )

    def write_status(self, job: str, status: dict[str, Any]) -> None:
        """Where the folder is gone nobody waits for the job."""
        with suppress(FileNotFoundError):
            write_json_atomic(self.job_folder(job) / "status.json", status)

    def write_result(self, job: str, result: dict[str, Any]) -> None:
        """As `write_status`."""
        with suppress(FileNotFoundError):
            write_json_atomic(self.job_folder(job) / "result.json", result, sync=True)

    def write_ready(self, device: str) -> None:
        self.write_turn()
        write_json_atomic(self.root / "trainer.json", {"pid": os.getpid(), "device": device})

    def write_turn(self) -> None:
        (self.root / "turn").touch()

    # -- both

    def job_folder(self, job: str) -> Path:
        return self.jobs / slug(job)

    def wal_path(self, run: str) -> Path:
        return self.wal / f"{slug(run)}.wal"

    def lock(self) -> int | None:
        """Takes the trainer's lock, which dies with its holder; None: another trainer serves this spool."""
        handle = os.open(self.root / "trainer.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None
        return handle
