"""The desk over the book: who waits for a seat, who is polled for, and whose seat is freed when."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from temporalio.activity import ActivityCancellationDetails
from temporalio.testing import ActivityEnvironment

from belay_gpu.contracts.models import JobContext, SeatGrant, SeatRelease
from belay_gpu.engine.errors import EngineError
from belay_gpu.trainer.commands import ReleaseOrder
from belay_gpu.trainer.spool import Spool
from belay_gpu.worker.activities import EngineActivities
from belay_gpu.worker.host import EngineHost
from belay_gpu.worker.seat_desk import FreeSeats, SeatDesk
from belay_gpu.worker.seats import SeatBook, SeatWish


async def test_the_pool_is_polled_only_while_a_seat_is_free() -> None:
    desk = SeatDesk(SeatBook(1))
    supplier = FreeSeats(desk)
    context = None
    reserving = asyncio.create_task(supplier.reserve_slot(context))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert not reserving.done(), "polled without a trainer"
    desk.set_open(True)
    await asyncio.wait_for(reserving, 5)
    again = asyncio.create_task(supplier.reserve_slot(context))  # type: ignore[arg-type]
    seat = await desk.acquire(SeatWish("a", "base"), 5)
    supplier.release_slot(context)  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert not again.done(), "polled with every seat taken"
    desk.release(seat)
    await asyncio.wait_for(again, 5)
    assert supplier.try_reserve_slot(context) is None  # type: ignore[arg-type]


async def test_no_more_polls_are_under_way_than_there_are_free_seats() -> None:
    desk = SeatDesk(SeatBook(2))
    desk.set_open(True)
    supplier = FreeSeats(desk)
    polls = [asyncio.create_task(supplier.reserve_slot(None)) for _ in range(3)]  # type: ignore[arg-type]
    await asyncio.gather(*polls[:2])
    assert not polls[2].done(), "two answers would meet in one seat"
    supplier.release_slot(None)  # type: ignore[arg-type]
    await asyncio.wait_for(polls[2], 5)


async def test_a_request_that_cannot_be_served_goes_back() -> None:
    desk = SeatDesk(SeatBook(1))
    desk.set_open(True)
    await desk.acquire(SeatWish("a", "base"), 1)
    with pytest.raises(EngineError) as raised:
        await desk.acquire(SeatWish("b", "base"), 0.05)
    assert raised.value.type == "NoSeat"


async def test_a_seat_is_freed_by_its_last_job_and_kept_after_a_failure() -> None:
    desk = SeatDesk(SeatBook(1))
    desk.set_open(True)
    seat = await desk.acquire(SeatWish("a", "base"), 1)
    with desk.sitting(seat, "a", release_after=False):
        pass
    assert seat in desk.book.leases
    with pytest.raises(RuntimeError), desk.sitting(seat, "a", release_after=True):
        raise RuntimeError
    assert seat in desk.book.leases
    with desk.sitting(seat, "a", release_after=True):
        pass
    assert desk.book.leases == {}
    desk.set_open(False)
    with pytest.raises(EngineError, match="ran out"):
        other = SeatDesk(SeatBook(0))
        with other.sitting("seat-1", "a", release_after=False):
            pass


@pytest.mark.parametrize(
    ("details", "is_freed"),
    [
        (ActivityCancellationDetails(not_found=True), True),
        (ActivityCancellationDetails(timed_out=True), True),
        (ActivityCancellationDetails(cancel_requested=True), False),
    ],
    ids=[
        "caller terminated or reset",
        "caller gave the engine up",
        "caller cancelled, and gives it back",
    ],
)
async def test_a_seat_whose_caller_is_gone_is_freed_at_once(
    details: ActivityCancellationDetails, is_freed: bool
) -> None:
    desk = SeatDesk(SeatBook(1))
    desk.set_open(True)
    seat_id = await desk.acquire(SeatWish("a", "base"), hold_seconds=1)
    cache = SimpleNamespace(held=contextlib.nullcontext)
    host = cast(EngineHost, SimpleNamespace(desk=desk, cache=cache, fence=lambda subject, epoch: None))
    grant = SeatGrant(engine_id="e", task_queue="q", seat_id=seat_id, device="cpu")
    job = JobContext(run="r", subject="a", epoch=1, resume_from=[], seat=grant)

    seated = asyncio.Event()

    async def stopped_training() -> None:
        async with EngineActivities(host)._seated(job):
            seated.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    environment = ActivityEnvironment()
    running = asyncio.ensure_future(environment.run(stopped_training))
    await seated.wait()
    assert desk.book.leases[seat_id].running == 1
    environment.cancel(cancellation_details=details)
    await running
    assert (desk.book.leases == {}) is is_freed


async def test_a_seat_given_back_takes_what_is_parked_of_its_subject_along(tmp_path: Path) -> None:
    desk, spool = SeatDesk(SeatBook(2)), Spool(tmp_path)
    desk.set_open(True)
    seat_id = await desk.acquire(SeatWish("run/trial-3", "base"), 1)
    host = cast(EngineHost, SimpleNamespace(desk=desk, trainer=lambda: SimpleNamespace(spool=spool)))
    release = EngineActivities(host).release_seat
    await ActivityEnvironment().run(release, SeatRelease(seat_id=seat_id))
    assert desk.book.leases == {}
    assert list(spool.take()) == [ReleaseOrder("run/trial-3")]
    await ActivityEnvironment().run(release, SeatRelease(seat_id="seat-99"))
    assert list(spool.take()) == []


async def test_a_seat_is_given_back_also_while_there_is_no_trainer() -> None:
    desk = SeatDesk(SeatBook(1))
    desk.set_open(True)
    seat_id = await desk.acquire(SeatWish("a", "base"), 1)

    def trainer() -> object:
        raise EngineError("EngineLost", "the engine's trainer is being started again")

    host = cast(EngineHost, SimpleNamespace(desk=desk, trainer=trainer))
    await ActivityEnvironment().run(EngineActivities(host).release_seat, SeatRelease(seat_id=seat_id))
    assert desk.book.leases == {}
