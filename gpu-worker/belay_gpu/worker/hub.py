"""`hub.push`: the published adapter to a hub repository, where a token is there."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path

from belay_gpu.contracts.models import HubPushInput, HubPushOutput
from belay_gpu.engine.errors import EngineError, first_line
from belay_gpu.worker.host import EngineHost
from belay_gpu.worker.transfers import transfer


async def push_to_hub(host: EngineHost, input: HubPushInput) -> HubPushOutput:
    """Pushing the same files again makes no new commit on the hub.

    Raises:
        EngineError: Unsupported without a token; InvalidSpec where the hub refuses; StorageUnavailable where
            it is out of reach, has a defect, or wants to be asked later.
    """
    if host.hub_token is None:
        raise EngineError(
            "Unsupported",
            "output.push_to_hub: the GPU worker has no HF_TOKEN; set it, then `npx belay down` and `up`",
        )
    with tempfile.TemporaryDirectory(prefix="belay-hub-") as name:
        folder = Path(name)
        for file in input.files:
            target = folder / file.path
            if not await asyncio.to_thread(_is_inside, target, folder):
                raise EngineError("InvalidSpec", f"{file.path} lies outside of the folder to upload")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(await host.cache.path(file.ref), target)
        return await transfer(_upload, host.hub_token, input.repo, folder)


def _is_inside(target: Path, folder: Path) -> bool:
    return target.resolve().is_relative_to(folder.resolve())


def _upload(token: str, repo: str, folder: Path) -> HubPushOutput:
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    api = HfApi(token=token)
    try:
        api.create_repo(repo, exist_ok=True)
        info = api.upload_folder(repo_id=repo, folder_path=folder, commit_message="Adapter")
    except HFValidationError as error:
        raise _refusal(repo, error) from error
    except HfHubHTTPError as error:
        if _may_pass(error.response.status_code):
            raise EngineError("StorageUnavailable", f"the hub cannot answer now: {_line(error)}") from error
        raise _refusal(repo, error) from error
    except (httpx2.HTTPError, OSError) as error:
        raise EngineError("StorageUnavailable", f"the hub does not answer: {first_line(error)}") from error
    return HubPushOutput(url=f"{api.endpoint}/{repo}", commit=info.oid)


def _may_pass(status: int) -> bool:
    """Whether the same request may succeed later."""
    return status in (408, 429) or status >= 500


def _line(error: Exception) -> str:
    """All of it as one line: the hub's own reason follows the status."""
    return " ".join(str(error).split())


def _refusal(repo: str, error: Exception) -> EngineError:
    return EngineError("InvalidSpec", f"output.push_to_hub: the hub refuses {repo}: {_line(error)}")
