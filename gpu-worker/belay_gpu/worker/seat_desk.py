"""The seat book at work: requests wait here, and the pool's queue is polled only while a seat is free."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from temporalio.worker import (
    CustomSlotSupplier,
    SlotMarkUsedContext,
    SlotPermit,
    SlotReleaseContext,
    SlotReserveContext,
)

from belay_gpu.engine.errors import EngineError
from belay_gpu.worker.seats import SeatBook, SeatWish

# A lease or a waiter may run out without anyone saying so: looked at this often.
TICK_SECONDS = 0.5


class SeatDesk:
    def __init__(self, book: SeatBook) -> None:
        self.book = book
        self._open = False
        self._changed = asyncio.Event()

    def set_open(self, is_open: bool) -> None:
        """Closed while no trainer is ready; the seats of a dead one are gone."""
        self._open = is_open
        if not is_open:
            self.book.clear()
        self._wake()

    def has_room(self, reserved: int) -> bool:
        return self._open and self.book.free(monotonic()) > reserved

    async def changed(self) -> None:
        """Returns when something may have changed."""
        event = self._changed
        try:
            await asyncio.wait_for(event.wait(), TICK_SECONDS)
        except TimeoutError:
            return

    async def acquire(self, wish: SeatWish, hold_seconds: float) -> str:
        """A seat's id.

        Raises:
            EngineError: NoSeat, after `hold_seconds`: the request goes back to the pool, where another engine
                may take it; this one keeps its place in the order for a while.
        """
        deadline = monotonic() + hold_seconds
        while True:
            seat_id = self.book.ask(wish, monotonic()) if self._open else None
            if seat_id is not None:
                self._wake()
                return seat_id
            if monotonic() >= deadline:
                raise EngineError("NoSeat", f"{wish.subject}: the engine could not make room yet")
            await self.changed()

    def withdraw(self, subject: str) -> None:
        self.book.withdraw(subject)
        self._wake()

    def release(self, seat_id: str) -> None:
        self.book.release(seat_id)
        self._wake()

    @contextmanager
    def sitting(self, seat_id: str | None, subject: str, release_after: bool) -> Iterator[None]:
        """Holds the seat while a job runs; frees it after a normal end if told so.

        Raises:
            EngineError: EngineLost; the seat ran out and others took the room.
        """
        if seat_id is None:
            yield
            return
        if not self.book.begin(seat_id, monotonic()):
            raise EngineError("EngineLost", f"{subject}: its seat {seat_id} ran out and is taken")
        try:
            yield
            if release_after:
                self.book.release(seat_id)
        finally:
            self.book.end(seat_id, monotonic())
            self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class FreeSeats(CustomSlotSupplier):
    """Lets the pool's queue be polled exactly while a seat is free for the answer."""

    def __init__(self, desk: SeatDesk) -> None:
        self._desk = desk
        self._reserved = 0

    async def reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit:
        while not self._desk.has_room(self._reserved):
            await self._desk.changed()
        self._reserved += 1
        return SlotPermit()

    def try_reserve_slot(self, ctx: SlotReserveContext) -> SlotPermit | None:
        """No eager task: seats are only ever polled for."""
        return None

    def mark_slot_used(self, ctx: SlotMarkUsedContext) -> None:
        """Counted from the reservation on."""

    def release_slot(self, ctx: SlotReleaseContext) -> None:
        self._reserved = max(0, self._reserved - 1)
