"""Why a base could not be fetched from its hub: what a person must change, or an outage that passes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
from huggingface_hub import constants, is_offline_mode
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from belay_gpu.engine.errors import EngineError, first_line
from belay_gpu.engine.spec import BaseSpec


def chain(error: BaseException) -> Iterator[BaseException]:
    """An error, then what led to it, and what led to that. Each once: a kept error may be raised again."""
    link: BaseException | None = error
    told: set[int] = set()
    while link is not None and id(link) not in told:
        told.add(id(link))
        yield link
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)


def hub_failure(base: BaseSpec, error: BaseException) -> EngineError | None:
    """The hub's part in a failure to read a base; None where it has none, as with a file that it lacks.

    transformers wraps what the hub said in errors of its own, so the first link that tells is at the far end.
    """
    if Path(base.model).is_dir():
        return None
    for link in reversed(list(chain(error))):
        match link:
            case RemoteEntryNotFoundError():
                continue
            case HfHubHTTPError():
                return _answer(base, link)
            case HFValidationError():
                return _unavailable(base, f"neither a folder nor an id of the hub: {first_line(link)}")
            case OfflineModeIsEnabled() | LocalEntryNotFoundError() if is_offline_mode():
                return _unavailable(
                    base, "it is not in this machine's cache, and HF_HUB_OFFLINE forbids to fetch it"
                )
            # The last two are what the store of large files raises, midway in a download.
            case LocalEntryNotFoundError() | httpx2.TransportError() | ConnectionError() | TimeoutError():
                return _away(base, link)
            case _:
                continue
    return None


def _answer(base: BaseSpec, error: HfHubHTTPError) -> EngineError:
    status, revision = error.response.status_code, base.revision or "main"
    if status in (408, 429) or status >= 500:
        return _away(base, error)
    if isinstance(error, RevisionNotFoundError):
        return _unavailable(base, f"the hub at {constants.ENDPOINT} has no revision {revision} of it")
    # Of a repository that is kept from the asker the hub says that there is none.
    unknown = isinstance(error, RepositoryNotFoundError) and not isinstance(error, GatedRepoError)
    if unknown or status == 404:
        return _unavailable(
            base,
            f"the hub at {constants.ENDPOINT} has no such repository (revision {revision}); correct the id, "
            "or set HF_TOKEN where the workers run if the repository is private",
        )
    if status in (401, 403):
        return _unavailable(
            base,
            f"the hub at {constants.ENDPOINT} keeps it from this machine (HTTP {status}); ask for access on "
            "its page, and set HF_TOKEN where the workers run to a token that has it",
        )
    return _unavailable(base, f"the hub at {constants.ENDPOINT} refuses it: {first_line(error)}")


def _away(base: BaseSpec, error: BaseException) -> EngineError:
    """Asked again later it may answer."""
    line = f"the hub at {constants.ENDPOINT} does not answer: {first_line(error)}"
    return EngineError("StorageUnavailable", f"model {base.model}: {line}")


def _unavailable(base: BaseSpec, line: str) -> EngineError:
    return EngineError("ModelUnavailable", f"model {base.model}: {line}")
