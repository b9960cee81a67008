"""Files that are there whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote


def write_synced(path: Path, data: bytes) -> None:
    """Writes and syncs a file that nobody reads yet."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, data: bytes, sync: bool = False) -> None:
    """Readers see the old content or the new. `sync`: it also survives a power cut."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if sync:
            write_synced(draft, data)
        else:
            draft.write_bytes(data)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    if sync:
        sync_folder(path.parent)


def write_json_atomic(path: Path, value: Any, sync: bool = False) -> None:
    write_atomic(path, json.dumps(value, allow_nan=False, ensure_ascii=False).encode(), sync)


def read_json(path: Path) -> Any | None:
    """None where there is no such file."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None


def remove_tree(folder: Path) -> None:
    """Removes a folder so that it is never seen half: renamed first."""
    doomed = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    try:
        folder.rename(doomed)
    except FileNotFoundError:
        return
    shutil.rmtree(doomed, ignore_errors=True)


def slug(text: str) -> str:
    """A file name for any id; different ids have different names, and none begins with a dot."""
    name = quote(text, safe="")
    return f"%2e{name[1:]}" if name.startswith(".") else name or "%"
