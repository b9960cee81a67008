"""A trainer that hangs: it has work and gives no sign of life. Whatever waits for it would wait for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from belay_gpu.trainer.spool import Spool

# How often a trainer is looked at, at the most seldom.
LOOK_SECONDS = 5.0
LOOKS_AT_LEAST = 4


@dataclass
class Silence:
    """How long a trainer with work has given no sign of life.

    Counted in looks, not by the clock: while the machine slept nobody could give one.
    """

    seconds: float = 0.0
    _turn: int | None = None

    def look(self, turn: int | None, has_work: bool, interval: float) -> None:
        """Takes in what a look shows, `interval` seconds after the one before."""
        is_silent = has_work and turn == self._turn
        self.seconds = self.seconds + interval if is_silent else 0.0
        self._turn = turn


async def until_silent(
    spool: Spool, bound_seconds: float, wait: Callable[[float], Awaitable[object]]
) -> None:
    """Returns once the trainer of this spool has had work and given no sign of life for this long.

    Args:
        spool: of a trainer that is ready.
        bound_seconds: a huge step or the writing of a file of weights gives none from inside, so it must be
            generous.
        wait: sleeps for so many seconds.
    """
    interval, silence = min(LOOK_SECONDS, bound_seconds / LOOKS_AT_LEAST), Silence()
    while silence.seconds < bound_seconds:
        await wait(interval)
        turn, has_work = await asyncio.to_thread(lambda: (spool.turn(), spool.has_work()))
        silence.look(turn, has_work, interval)
