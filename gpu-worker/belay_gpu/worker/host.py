"""All that the activities of one engine share; built once, in `gpu.py`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import count

from belay_gpu.engine.errors import EngineError
from belay_gpu.worker.cache import InputCache
from belay_gpu.worker.seat_desk import SeatDesk
from belay_gpu.worker.shipping import Segments, WalShipper
from belay_gpu.worker.store import ObjectStore
from belay_gpu.worker.supervisor import Generation, Supervisor


@dataclass
class EngineHost:
    engine_id: str
    task_queue: str
    store: ObjectStore
    cache: InputCache
    desk: SeatDesk
    segments: Segments
    hub_token: str | None
    supervisor: Supervisor | None = None
    device: str = ""
    #: Each sees to a job's folder that its activity could not remove.
    leftovers: set[asyncio.Task[None]] = field(default_factory=set)
    _shippers: dict[int, WalShipper] = field(default_factory=dict)
    _epochs: dict[str, int] = field(default_factory=dict)
    _jobs: count[int] = field(default_factory=count)

    def trainer(self) -> Generation:
        """The trainer that takes orders now.

        Raises:
            EngineError: EngineLost; there is none at the moment.
        """
        current = self.supervisor.current if self.supervisor else None
        if current is None or current.dead.is_set():
            raise EngineError("EngineLost", "the engine's trainer is being started again")
        return current

    def shipper(self, generation: Generation) -> WalShipper:
        return self._shippers.setdefault(
            generation.number, WalShipper(generation.spool, self.store, self.segments)
        )

    def next_job(self, kind: str) -> str:
        return f"{next(self._jobs):06d}-{kind}"

    def fence(self, subject: str, epoch: int) -> None:
        """Raises: EngineError (StaleEpoch) for a dispatch that was followed by a newer one on this engine."""
        newest = self._epochs.get(subject, epoch)
        if epoch < newest:
            raise EngineError("StaleEpoch", f"{subject}: epoch {epoch} was followed by {newest}")
        self._epochs[subject] = epoch
