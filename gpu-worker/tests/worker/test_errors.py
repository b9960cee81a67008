"""What leaves an activity: always a type of the contract's closed list, and one line."""

from __future__ import annotations

import asyncio
import errno
from typing import get_args

import pytest
from temporalio.exceptions import ApplicationError

from belay_gpu.contracts.models import ErrorType
from belay_gpu.engine.errors import EngineError
from belay_gpu.worker.errors import TrainerDied, as_failures


def leaving(error: BaseException) -> ApplicationError:
    with pytest.raises(ApplicationError) as raised, as_failures():
        raise error
    assert raised.value.type in get_args(ErrorType.__value__)
    assert "\n" not in raised.value.message
    return raised.value


def test_a_known_failure_keeps_its_type() -> None:
    failed = leaving(EngineError("InvalidSpec", "train.max_steps: too many"))
    assert (failed.type, failed.message, failed.non_retryable) == (
        "InvalidSpec",
        "train.max_steps: too many",
        True,
    )
    assert leaving(TrainerDied("run/trial-1")).details == ({"resident": True},)


def test_a_known_failure_leaves_without_the_causes_that_it_explains() -> None:
    with pytest.raises(ApplicationError) as raised, as_failures():
        try:
            raise OSError("refused " * 1000)
        except OSError as cause:
            raise EngineError("StorageUnavailable", "the store does not answer") from cause
    assert raised.value.__cause__ is None


def test_a_full_disk_is_said_so() -> None:
    failed = leaving(OSError(errno.ENOSPC, "No space left on device", "/state/cache/x"))
    assert failed.type == "DiskFull"
    assert "/state/cache/x" in failed.message
    assert leaving(OSError(errno.EDQUOT, "Disk quota exceeded")).type == "DiskFull"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/state"), "PermissionError: [Errno 13] "),
        (KeyError("splits"), "KeyError: 'splits'"),
        (ValueError("first\nsecond"), "ValueError: first"),
        (ValueError(), "ValueError"),
        (TimeoutError(), "TimeoutError"),
    ],
    ids=["no permission", "a key", "two lines", "no text", "a time-out"],
)
def test_what_nobody_foresaw_is_internal(error: Exception, message: str) -> None:
    failed = leaving(error)
    assert failed.type == "Internal"
    assert not failed.non_retryable
    assert failed.message.startswith(message)


def test_a_cancellation_and_a_failure_pass_as_they_are() -> None:
    with pytest.raises(asyncio.CancelledError), as_failures():
        raise asyncio.CancelledError
    failed = leaving(ApplicationError("gone", {"checkpoint": None}, type="EngineLost"))
    assert (failed.type, failed.details) == ("EngineLost", ({"checkpoint": None},))
