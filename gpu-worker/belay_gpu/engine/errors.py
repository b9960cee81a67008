"""What can go wrong in an engine, as data: a type of the contract's closed list and one clear line."""

from __future__ import annotations

import errno


class EngineError(Exception):
    """`type` is one of the contract's `ErrorType`; the message says what, where, and what would be right."""

    def __init__(self, type: str, message: str) -> None:
        super().__init__(message)
        self.type = type
        self.message = message


def is_disk_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def disk_full(error: OSError, doing: str) -> EngineError:
    where = f" ({error.filename})" if error.filename else ""
    return EngineError(
        "DiskFull", f"no space left on the device while {doing}{where}; free some space and resume"
    )
