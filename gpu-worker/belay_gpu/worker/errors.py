"""Failures that cross a process or language boundary: the closed list of the contract's `ErrorType`."""

from __future__ import annotations

from temporalio.exceptions import ApplicationError

PERMANENT = frozenset(
    {
        "InvalidSpec",
        "InvalidDataset",
        "ModelUnavailable",
        "DoesNotFit",
        "Unsupported",
        "CrashesEngine",
        "StaleEpoch",
        "CorruptArtifact",
        "NotFound",
    }
)


def failure(error_type: str, message: str) -> ApplicationError:
    """The failure to raise from an activity; not retried where a retry cannot help."""
    return ApplicationError(message, type=error_type, non_retryable=error_type in PERMANENT)
