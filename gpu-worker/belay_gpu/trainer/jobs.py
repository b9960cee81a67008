"""What the trainer's loop knows of a job: whether a step of it is due, how to go on, how to end it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

import torch

from belay_gpu.contracts.names import TrainerEvents
from belay_gpu.data.tokenised import TokenisedSplit, read_split
from belay_gpu.engine.device import synchronize
from belay_gpu.engine.errors import EngineError, disk_full, is_disk_full
from belay_gpu.engine.protocol import Engine, StepResult
from belay_gpu.engine.spec import BaseSpec
from belay_gpu.trainer.bases import Bases
from belay_gpu.trainer.commands import Order
from belay_gpu.trainer.parking import ParkingLot
from belay_gpu.trainer.spool import Spool
from belay_gpu.wal import Wal

# A run uses three at most, and a job that came on board keeps its own.
MAX_SPLITS = 6
# A sign of life each turn would be hundreds a second.
SIGN_SECONDS = 1.0
# A log is closed when no job of its run was on board for this long.
WAL_IDLE_SECONDS = 60.0


@dataclass
class Resources:
    """All that jobs share; built once per trainer."""

    spool: Spool
    bases: Bases
    parking: ParkingLot
    device: torch.device
    source: str
    #: What the engine runs on; told once in every run's log.
    environment: dict[str, Any]
    wals: dict[str, Wal] = field(default_factory=dict)
    splits: OrderedDict[str, TokenisedSplit] = field(default_factory=OrderedDict)
    _wal_used: dict[str, float] = field(default_factory=dict)
    _signed_at: float = -math.inf
    _bases_told: set[tuple[str, BaseSpec]] = field(default_factory=set)

    def alive(self) -> None:
        """Leaves a sign of life, as each turn does; from inside a long one too, wherever it gets on."""
        now = monotonic()
        if now - self._signed_at < SIGN_SECONDS:
            return
        self._signed_at = now
        try:
            self.spool.write_turn()
        except OSError as error:
            if not is_disk_full(error):
                raise

    def engine(self, base: BaseSpec) -> Engine:
        """The engine of this base, loaded where it is not. Raises: EngineError."""
        return self.bases.engine(base, self.alive)

    def wal(self, run: str) -> Wal:
        """The run's log; opened where it is not, and gone on with where it was closed."""
        if run not in self.wals:
            wal = self.wals[run] = Wal(self.spool.wal_path(run), run, self.source)
            if wal.is_empty:
                wal.append(None, None, TrainerEvents.ENVIRONMENT, self.environment)
        self._wal_used[run] = monotonic()
        return self.wals[run]

    def tell_base(self, run: str) -> None:
        """Tells the run's log, once, which files of the hub the resident base consists of."""
        assert self.bases.resident is not None
        base = self.bases.resident.base
        if (run, base) in self._bases_told:
            return
        if files := self.bases.resident_files(self.alive):
            data = {"model": base.model, "revision": base.revision, "files": files}
            self.wal(run).append(None, None, TrainerEvents.BASE, data)
        self._bases_told.add((run, base))

    def close_idle_wals(self, on_board: Collection[str]) -> None:
        """Closes the logs of runs that have no job on board, and had none for a while."""
        now = monotonic()
        for run in list(self.wals):
            if run in on_board:
                self._wal_used[run] = now
            elif now - self._wal_used[run] > WAL_IDLE_SECONDS:
                try:
                    self.wals[run].close()
                except OSError as error:
                    if not is_disk_full(error):
                        raise
                    continue  # its last lines are still to be written
                del self.wals[run], self._wal_used[run]

    def flush(self, run: str, sync: bool = False) -> None:
        """Raises: EngineError (DiskFull)."""
        try:
            self.wals[run].flush(sync)
        except OSError as error:
            if is_disk_full(error):
                raise disk_full(error, "writing the trace log") from error
            raise

    def split(self, path: str) -> TokenisedSplit:
        """A tokenised split; those used last are kept. Files are named by their hash, so none ever changes.

        Raises:
            EngineError: CorruptArtifact.
        """
        if path not in self.splits:
            try:
                self.splits[path] = read_split(Path(path))
            except (OSError, ValueError, KeyError) as error:
                raise EngineError("CorruptArtifact", f"tokenised data set cannot be read: {error}") from error
        self.splits.move_to_end(path)
        while len(self.splits) > MAX_SPLITS:
            self.splits.popitem(last=False)
        return self.splits[path]

    def synchronize(self) -> None:
        synchronize(self.device)


class Job(ABC):
    """A job on board. Methods may raise `EngineError`, which ends this job and no other."""

    #: Set once the job has ended well.
    output: dict[str, Any] | None = None

    def __init__(self, order: Order) -> None:
        self.job, self.run, self.subject = order.job, order.run, order.subject

    @property
    def slot_due(self) -> str | None:
        """The engine slot whose next optimizer step is due, if one is."""
        return None

    def stepped(self, result: StepResult) -> None:
        """Takes the result of the step that was due."""
        raise NotImplementedError

    @abstractmethod
    def advance(self) -> None:
        """Does the next piece of work that is not a training step."""

    @abstractmethod
    def stop(self) -> None:
        """Asked to end early: checkpoints where that makes sense, and sets `output`."""

    @abstractmethod
    def leave(self) -> None:
        """Frees whatever the job holds. Called once, however it ended."""
