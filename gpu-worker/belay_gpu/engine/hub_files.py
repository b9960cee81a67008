"""What a base from the hub was loaded from: the files of its snapshot in this machine's cache."""

from __future__ import annotations

from pathlib import Path

from transformers.utils.hub import cached_file

from belay_gpu.canonical import sha256_file
from belay_gpu.engine.spec import BaseSpec


def hub_files(base: BaseSpec) -> dict[str, str]:
    """SHA-256 by path, of every file that this machine has of the base, which must be loaded already.

    A local folder has none: it is hashed where an experiment is resolved, by the machine that it is on.
    """
    if Path(base.model).is_dir():
        return {}
    config = cached_file(base.model, "config.json", revision=base.revision, local_files_only=True)
    assert config is not None
    snapshot = Path(config).parent
    files = sorted(path for path in snapshot.rglob("*") if path.is_file())
    return {path.relative_to(snapshot).as_posix(): sha256_file(path) for path in files}
