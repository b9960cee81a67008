"""Rules of seats, over a clock of our own."""

from __future__ import annotations

from itertools import pairwise

import pytest

from belay_gpu.worker import seats
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
    """Trials of both bases ask for ever. Jobs last different times: the engine empties only for a turn."""
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
                running.append((now + 7 + len(granted) % 5, seat))
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


def test_an_engine_that_became_empty_goes_to_the_base_that_waits_longest() -> None:
    book = SeatBook(1)
    seat = book.ask(wish("a", "A"), 0)
    assert book.ask(wish("b", "B"), 1) is None
    book.release(seat or "")
    assert book.ask(wish("c", "A"), 2) is None
    assert book.ask(wish("b", "B"), 3)


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
