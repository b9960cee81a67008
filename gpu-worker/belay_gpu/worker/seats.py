"""Who may sit on this engine. Pure rules over a clock that the caller reads.

- A seat is a lease: a job runs on it, or it is idle for a bounded time between two jobs of its trial.
- An exclusive seat is granted when the engine is empty; from the request on, no other is.
- One base at a time. A request for another base has its turn after `turn_seconds`: from then on its rivals
  wait too.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

# Grants that are remembered. A seat older than so many others has run out long ago.
REMEMBERED_GRANTS = 1024


@dataclass(frozen=True)
class SeatWish:
    subject: str
    base: str
    exclusive: bool = False


@dataclass
class Lease:
    """`running`: jobs on the seat now; `idle_since`: when the last one left."""

    seat_id: str
    wish: SeatWish
    idle_since: float
    running: int = 0


@dataclass
class Waiter:
    """`seen`: when it last asked; one that stopped asking is forgotten."""

    wish: SeatWish
    since: float
    seen: float


@dataclass
class SeatBook:
    capacity: int
    idle_seconds: float = 60.0
    turn_seconds: float = 60.0
    patience_seconds: float = 45.0
    leases: dict[str, Lease] = field(default_factory=dict)
    _waiters: dict[str, Waiter] = field(default_factory=dict)
    _grants: OrderedDict[str, SeatWish] = field(default_factory=OrderedDict)
    _count: int = 0

    def free(self, now: float) -> int:
        """Seats that a new request could get, were it of the right base."""
        self.expire(now)
        if any(lease.wish.exclusive for lease in self.leases.values()):
            return 0
        return max(0, self.capacity - len(self.leases))

    def ask(self, wish: SeatWish, now: float) -> str | None:
        """A seat's id; None: not now, ask again."""
        self.expire(now)
        if not self._may_sit(wish, now):
            waiter = self._waiters.setdefault(wish.subject, Waiter(wish, now, now))
            waiter.wish, waiter.seen = wish, now
            return None
        self._waiters.pop(wish.subject, None)
        self._count += 1
        lease = Lease(f"seat-{self._count}", wish, now)
        self.leases[lease.seat_id] = lease
        self._grants[lease.seat_id] = wish
        while len(self._grants) > REMEMBERED_GRANTS:
            self._grants.popitem(last=False)
        return lease.seat_id

    def begin(self, seat_id: str, now: float) -> bool:
        """A job sits down. False: the seat is gone.

        A lease that ran out meanwhile is renewed, as it was granted, where there is room.
        """
        self.expire(now)
        if seat_id not in self.leases:
            wish = self._grants.get(seat_id)
            if wish is None or not self._may_sit(wish, now):
                return False
            self.leases[seat_id] = Lease(seat_id, wish, now)
        self.leases[seat_id].running += 1
        return True

    def end(self, seat_id: str, now: float) -> None:
        lease = self.leases.get(seat_id)
        if lease is not None:
            lease.running, lease.idle_since = max(0, lease.running - 1), now

    def release(self, seat_id: str) -> None:
        self.leases.pop(seat_id, None)

    def subject(self, seat_id: str) -> str | None:
        """Whom the seat was granted to; None: nobody, or too long ago."""
        wish = self._grants.get(seat_id)
        return None if wish is None else wish.subject

    def withdraw(self, subject: str) -> None:
        self._waiters.pop(subject, None)

    def clear(self) -> None:
        """The engine died, and every seat with it."""
        self.leases.clear()

    def expire(self, now: float) -> None:
        for seat_id, lease in list(self.leases.items()):
            if lease.running == 0 and now - lease.idle_since > self.idle_seconds:
                del self.leases[seat_id]
        for subject, waiter in list(self._waiters.items()):
            if now - waiter.seen > self.patience_seconds:
                del self._waiters[subject]

    def _may_sit(self, wish: SeatWish, now: float) -> bool:
        rivals = [waiter for subject, waiter in self._waiters.items() if subject != wish.subject]
        mine = self._waiters.get(wish.subject)
        since = mine.since if mine else now
        taken = list(self.leases.values())
        if any(lease.wish.exclusive for lease in taken) or len(taken) >= self.capacity:
            return False
        if any(rival.wish.exclusive and not (wish.exclusive and since < rival.since) for rival in rivals):
            return False
        if wish.exclusive:
            return not taken
        if not taken:
            # The turn goes to whoever waits longest; equals of its base follow it.
            longest = min(rivals, key=lambda rival: rival.since, default=None)
            return longest is None or longest.wish.base == wish.base or since <= longest.since
        if taken[0].wish.base != wish.base:
            return False
        return not any(r.wish.base != wish.base and now - r.since > self.turn_seconds for r in rivals)
