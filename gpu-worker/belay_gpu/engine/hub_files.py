"""What a base from the hub is loaded from: its files in this machine's cache."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.errors import HFValidationError
from huggingface_hub.file_download import repo_folder_name
from transformers.utils.hub import cached_file

from belay_gpu.canonical import sha256_file
from belay_gpu.engine.spec import BaseSpec


def hub_folder(base: BaseSpec) -> Path | None:
    """Where the cache has the base, whole or in part, or will have it; None for what is of no hub."""
    if Path(base.model).is_dir():
        return None
    try:
        name = repo_folder_name(repo_id=base.model, repo_type="model")
    except HFValidationError:
        return None
    return Path(constants.HF_HUB_CACHE) / name


def hub_files(base: BaseSpec, alive: Callable[[], object]) -> dict[str, str]:
    """SHA-256 by path, of every file that this machine has of the base, which must be loaded already.

    A local folder has none: it is hashed where an experiment is resolved, by the machine that it is on.
    `alive` is called before each file.
    """
    if Path(base.model).is_dir():
        return {}
    config = cached_file(base.model, "config.json", revision=base.revision, local_files_only=True)
    assert config is not None
    snapshot = Path(config).parent
    found: dict[str, str] = {}
    for path in sorted(path for path in snapshot.rglob("*") if path.is_file()):
        alive()
        found[path.relative_to(snapshot).as_posix()] = sha256_file(path)
    return found
