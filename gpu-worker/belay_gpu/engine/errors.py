"""What can go wrong in an engine, as data: a type of the contract's closed list and one clear line."""

from __future__ import annotations

import errno

from belay_gpu.contracts.models import ErrorType


class EngineError(Exception):
    """The message says what, where, and what would be right."""

    def __init__(self, type: ErrorType, message: str) -> None:
        super().__init__(message)
        self.type: ErrorType = type
        self.message = message


def first_line(error: BaseException) -> str:
    """What an error says, as one line; its type where it says nothing."""
    lines = str(error).strip().splitlines()
    return " ".join(lines[0].split()) if lines else type(error).__name__


def defect(error: BaseException) -> EngineError:
    """An error that nobody foresaw, as a failure. Its name is told: the text alone may be a bare key."""
    name, line = type(error).__name__, first_line(error)
    return EngineError("Internal", name if line == name else f"{name}: {line}")


def is_disk_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def disk_full(error: OSError, doing: str) -> EngineError:
    where = f" ({error.filename})" if error.filename else ""
    return EngineError(
        "DiskFull", f"no space left on the device while {doing}{where}; free some space and resume"
    )
