"""Failures that cross a process or language boundary: the closed list of the contract's `ErrorType`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from temporalio.exceptions import ApplicationError

from belay_gpu.contracts.names import PERMANENT_ERRORS
from belay_gpu.engine.errors import EngineError


def failure(error_type: str, message: str, *details: Any) -> ApplicationError:
    """The failure to raise from an activity; not retried where a retry cannot help."""
    return ApplicationError(message, *details, type=error_type, non_retryable=error_type in PERMANENT_ERRORS)


class TrainerDied(EngineError):
    """The process is gone, and the job with it. Not the job's fault, as far as one can tell."""

    def __init__(self, subject: str) -> None:
        super().__init__("EngineLost", f"{subject}: the trainer died with the job on board")


@contextmanager
def as_failures() -> Iterator[None]:
    """Lets an `EngineError` leave an activity as the failure of its type.

    A lost engine also says whether the job was on board when it died: only then may it be the cause.
    """
    try:
        yield
    except EngineError as error:
        details = [{"resident": isinstance(error, TrainerDied)}] if error.type == "EngineLost" else []
        raise failure(error.type, error.message, *details) from error
