"""Failures that cross a process or language boundary: the closed list of the contract's `ErrorType`."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from temporalio.exceptions import ApplicationError, TemporalError

from belay_gpu.contracts.models import ErrorType
from belay_gpu.contracts.names import PERMANENT_ERRORS
from belay_gpu.engine.errors import EngineError, defect, disk_full, is_disk_full

log = logging.getLogger(__name__)


def failure(error_type: ErrorType, message: str, *details: Any) -> ApplicationError:
    """The failure to raise from an activity; not retried where a retry cannot help."""
    return ApplicationError(message, *details, type=error_type, non_retryable=error_type in PERMANENT_ERRORS)


class TrainerDied(EngineError):
    """The process is gone, and the job with it. Not the job's fault, as far as one can tell."""

    def __init__(self, subject: str) -> None:
        super().__init__("EngineLost", f"{subject}: the trainer died with the job on board")


@contextmanager
def as_failures() -> Iterator[None]:
    """Lets every error leave an activity as a failure of the contract's types. Cancellation passes as it is.

    A lost engine also says whether the job was on board when it died: only then may it be the cause. A known
    failure says all there is to say: with its causes and their traces it would exceed what Temporal shows of
    a retried one.
    """
    try:
        yield
    except EngineError as error:
        if error.__cause__ is not None:
            log.warning("an activity fails", exc_info=error)
        details = [{"resident": isinstance(error, TrainerDied)}] if error.type == "EngineLost" else []
        raise failure(error.type, error.message, *details) from None
    except TemporalError:
        raise
    except OSError as error:
        known = disk_full(error, "working") if is_disk_full(error) else _unforeseen(error)
        raise failure(known.type, known.message) from error
    except Exception as error:
        known = _unforeseen(error)
        raise failure(known.type, known.message) from error


def _unforeseen(error: Exception) -> EngineError:
    log.error("a defect ended one activity", exc_info=error)
    return defect(error)
