"""Calls to servers far away, each in a thread of its own.

They may hang for minutes. In the event loop's threads they would keep orders to the trainer waiting, and
Python would not end before them; these threads end with the process, and what they were about is done again
elsewhere.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def transfer(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What the blocking `call` returns or raises. It goes on when whoever waits for it is cancelled."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    context = copy_context()

    def settle(result: T | None, error: BaseException | None) -> None:
        if done.cancelled():
            return
        if error is None:
            done.set_result(result)  # type: ignore[arg-type]
        else:
            done.set_exception(error)

    def work() -> None:
        result, failed = None, None
        try:
            result = context.run(call, *args, **kwargs)
        except BaseException as error:
            failed = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failed)

    threading.Thread(target=work, name="transfer", daemon=True).start()
    return await done
