"""Rules of seats, over a clock of our own."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import pairwise
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
from belay_gpu.worker import seats
from belay_gpu.worker.activities import EngineActivities
from belay_gpu.worker.host import EngineHost
from belay_gpu.worker.seat_desk import FreeSeats, SeatDesk
from belay_gpu.worker.seats import SeatBook, SeatWish


def wish(subject: str, base: str = "A", exclusive: bool = False) -> SeatWish:
    return SeatWish(subject, base, exclusive)


def test_seats_are_granted_up_to_the_capacity_and_again_when_freed() -> None:
    book = SeatBook(2)
    first, second = book.ask(wish("a"), 0), book.ask(wish("b"), 0)
    assert first
    assert second
    assert first != second
    assert book.ask(wish("c"), 1) is None
    assert book.free(1) == 0
    book.release(first)
    assert book.free(1) == 1
    assert book.ask(wish("c"), 2)


def test_an_idle_lease_runs_out_and_a_used_one_does_not() -> None:
    book = SeatBook(2, idle_seconds=60)
    used, idle = book.ask(wish("a"), 0), book.ask(wish("b"), 0)
    assert used
    assert idle
    assert book.begin(used, 1)
    assert book.free(1000) == 1
    assert set(book.leases) == {used}
    book.end(used, 1000)
    assert book.free(1059) == 1
    assert book.free(1061) == 2


def test_a_lease_that_ran_out_is_renewed_only_where_there_is_room() -> None:
    book = SeatBook(1, idle_seconds=60)
    seat = book.ask(wish("a"), 0)
    assert seat
    assert book.begin(seat, 100)
    book.end(seat, 100)
    assert book.ask(wish("b"), 200)
    assert not book.begin(seat, 201)


def test_an_exclusive_seat_waits_until_the_engine_is_empty_and_keeps_it_so() -> None:
    book = SeatBook(3)
    one, two = book.ask(wish("a"), 0), book.ask(wish("b"), 0)
    assert book.ask(wish("x", exclusive=True), 1) is None
    assert book.ask(wish("c"), 2) is None, "granted past an exclusive request"
    for seat in (one, two):
        book.release(seat or "")
    assert book.ask(wish("c"), 3) is None
    alone = book.ask(wish("x", exclusive=True), 4)
    assert alone
    assert book.free(4) == 0
    assert book.ask(wish("c"), 5) is None
    book.release(alone)
    assert book.ask(wish("c"), 6)


def test_of_two_exclusive_requests_the_older_goes_first() -> None:
    book = SeatBook(2)
    seat = book.ask(wish("a"), 0)
    assert book.ask(wish("x", exclusive=True), 1) is None
    assert book.ask(wish("y", exclusive=True), 2) is None
    book.release(seat or "")
    assert book.ask(wish("y", exclusive=True), 3) is None
    assert book.ask(wish("x", exclusive=True), 4)


def test_a_request_that_stops_asking_blocks_nobody() -> None:
    book = SeatBook(2, patience_seconds=45)
    seat = book.ask(wish("a"), 0)
    assert seat
    assert book.begin(seat, 0)
    assert book.ask(wish("x", exclusive=True), 1) is None
    assert book.ask(wish("b"), 30) is None
    assert book.ask(wish("b"), 50)


def test_a_base_is_not_joined_by_another() -> None:
    book = SeatBook(4)
    assert book.ask(wish("a", "A"), 0)
    assert book.ask(wish("b", "B"), 1) is None
    assert book.ask(wish("c", "A"), 2)


@pytest.mark.parametrize("capacity", [1, 2, 4])
def test_two_bases_take_turns_and_neither_starves(capacity: int) -> None:
    """Trials of both bases ask for ever; each job lasts ten seconds."""
    book = SeatBook(capacity, turn_seconds=60)
    granted: list[tuple[float, str]] = []
    running: list[tuple[float, str]] = []
    asking = [wish(f"{base}{n}", base) for n in range(6) for base in "AB"]
    now = 0.0
    while now < 2000:
        for ends, seat in list(running):
            if ends <= now:
                running.remove((ends, seat))
                book.release(seat)
        for each in list(asking):
            seat = book.ask(each, now)
            if seat:
                assert book.begin(seat, now)
                granted.append((now, each.base))
                running.append((now + 10, seat))
                asking.remove(each)
                asking.append(wish(f"{each.subject}+", each.base))
        assert len({lease.wish.base for lease in book.leases.values()}) <= 1
        now += 1
    for base in "AB":
        times = [at for at, of in granted if of == base]
        assert len(times) > 20
        assert max(b - a for a, b in pairwise(times)) < 150
    switches = sum(a[1] != b[1] for a, b in pairwise(granted))
    assert switches >= 8
    if capacity > 1:
        assert switches < len(granted) / 2, "the bases must not change places at every job"


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
    seat = await desk.acquire(wish("a"), 5)
    supplier.release_slot(context)  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert not again.done(), "polled with every seat taken"
    desk.release(seat)
    await asyncio.wait_for(again, 5)
    assert supplier.try_reserve_slot(context) is None  # type: ignore[arg-type]


async def test_a_request_that_cannot_be_served_goes_back() -> None:
    desk = SeatDesk(SeatBook(1))
    desk.set_open(True)
    await desk.acquire(wish("a"), 1)
    with pytest.raises(EngineError) as raised:
        await desk.acquire(wish("b"), 0.05)
    assert raised.value.type == "NoSeat"


async def test_a_seat_is_freed_by_its_last_job_and_kept_after_a_failure() -> None:
    desk = SeatDesk(SeatBook(1))
    desk.set_open(True)
    seat = await desk.acquire(wish("a"), 1)
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
    seat_id = await desk.acquire(wish("a"), hold_seconds=1)
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


def test_a_lease_that_ran_out_is_renewed_as_it_was_granted() -> None:
    book = SeatBook(3, idle_seconds=60)
    alone = book.ask(wish("x", exclusive=True), 0)
    assert alone
    assert book.begin(alone, 100)
    assert book.free(100) == 0, "a trial that must run alone has company"
    assert book.ask(wish("c"), 101) is None
    book.release(alone)
    book.withdraw("c")
    seat = book.ask(wish("a", "A"), 200)
    assert seat
    assert book.begin(seat, 300)
    assert book.ask(wish("b", "B"), 301) is None
    assert book.ask(wish("c", "A"), 302)


def test_a_seat_that_nobody_remembers_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seats, "REMEMBERED_GRANTS", 2)
    book = SeatBook(1)
    for subject in "abc":
        granted = book.ask(wish(subject), 0)
        assert granted
        book.release(granted)
    assert [book.subject(f"seat-{n}") for n in (1, 2, 3)] == [None, "b", "c"]
    assert not book.begin("seat-1", 1)
    assert book.begin("seat-2", 1)


async def test_a_seat_given_back_takes_what_is_parked_of_its_subject_along(tmp_path: Path) -> None:
    desk, spool = SeatDesk(SeatBook(2)), Spool(tmp_path)
    desk.set_open(True)
    seat_id = await desk.acquire(wish("run/trial-3"), 1)
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
    seat_id = await desk.acquire(wish("a"), 1)

    def trainer() -> object:
        raise EngineError("EngineLost", "the engine's trainer is being started again")

    host = cast(EngineHost, SimpleNamespace(desk=desk, trainer=trainer))
    await ActivityEnvironment().run(EngineActivities(host).release_seat, SeatRelease(seat_id=seat_id))
    assert desk.book.leases == {}
