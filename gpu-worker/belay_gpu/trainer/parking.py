"""Slots whose trial waits for a verdict: still in memory, so that going on costs no reload.

A parked slot is a copy of a checkpoint and nothing else, so it may be dropped at any time.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import Any

from belay_gpu.engine.protocol import Engine
from belay_gpu.trainer.commands import TrainOrder


@dataclass(frozen=True)
class ParkedSlot:
    """`step` and `epoch` name the checkpoint that the slot equals."""

    engine: Engine
    slot: str
    step: int
    epoch: int
    order: TrainOrder
    until: float
    progress: dict[str, Any]


def _same_trial(a: TrainOrder, b: TrainOrder) -> bool:
    return (a.base, a.config, a.total_steps, a.train_data) == (b.base, b.config, b.total_steps, b.train_data)


class ParkingLot:
    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._parked: dict[str, ParkedSlot] = {}

    def __len__(self) -> int:
        return len(self._parked)

    def park(self, parked: ParkedSlot) -> None:
        """Beyond the capacity the one that waited longest goes."""
        self.release(parked.order.subject)
        self._parked[parked.order.subject] = parked
        while len(self._parked) > self._capacity:
            self.release(next(iter(self._parked)))

    def claim(self, order: TrainOrder) -> ParkedSlot | None:
        """The parked slot if it is exactly where `order` resumes from; else it is dropped."""
        parked = self._parked.get(order.subject)
        if parked is None:
            return None
        newest = order.resume[0] if order.resume else None
        if (
            newest is None
            or (newest.step, newest.epoch) != (parked.step, parked.epoch)
            or not _same_trial(order, parked.order)
        ):
            self.release(order.subject)
            return None
        return self._parked.pop(order.subject)

    def release(self, subject: str) -> None:
        parked = self._parked.pop(subject, None)
        if parked is not None:
            parked.engine.retire(parked.slot)

    def expire(self) -> None:
        now = monotonic()
        for subject in [subject for subject, parked in self._parked.items() if parked.until <= now]:
            self.release(subject)

    def clear(self) -> None:
        for subject in list(self._parked):
            self.release(subject)
