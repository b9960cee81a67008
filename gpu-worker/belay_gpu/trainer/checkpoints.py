"""Checkpoints on the local disk: a folder in PEFT's own layout, with the trainer's state beside it.

```
adapter_config.json  adapter_model.safetensors   what PEFT loads
trainer_state.safetensors                        optimizer moments
trainer_state.json                               step, data cursor, seeds, metrics: readable
files.json                                       size and SHA-256 of each, written last
```
A folder without the dot of a draft in its name is whole: it was renamed after every file was synced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from belay_gpu.canonical import readable_json, sha256_bytes
from belay_gpu.engine.errors import EngineError, disk_full, is_disk_full
from belay_gpu.engine.protocol import Snapshot
from belay_gpu.files import read_json, remove_tree, sync_folder, write_synced

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER = "adapter_model.safetensors"
STATE = "trainer_state.safetensors"
META = "trainer_state.json"
INDEX = "files.json"
NAME = re.compile(r"(\d{8,})-(\d+)")


def checkpoint_name(step: int, epoch: int) -> str:
    return f"{step:08d}-{epoch}"


def write_checkpoint(parent: Path, snapshot: Snapshot, epoch: int, metrics: dict[str, float]) -> Path:
    """Writes a checkpoint folder, whole or not at all.

    Raises:
        EngineError: DiskFull; earlier checkpoints are untouched.
    """
    step = int(snapshot.meta["step"])
    target = parent / checkpoint_name(step, epoch)
    draft = parent / f".{target.name}.draft"
    try:
        parent.mkdir(parents=True, exist_ok=True)
        remove_tree(draft)
        draft.mkdir()
        files = {
            ADAPTER_CONFIG: snapshot.adapter_config,
            ADAPTER: snapshot.adapter,
            STATE: snapshot.state,
            META: readable_json({**snapshot.meta, "epoch": epoch, "metrics": metrics}),
        }
        for name, data in files.items():
            write_synced(draft / name, data)
        index = {name: {"sha256": sha256_bytes(data), "sizeBytes": len(data)} for name, data in files.items()}
        write_synced(draft / INDEX, readable_json(index))
        sync_folder(draft)
        remove_tree(target)
        draft.rename(target)
        sync_folder(parent)
    except OSError as error:
        remove_tree(draft)
        if is_disk_full(error):
            raise disk_full(error, f"writing the checkpoint of step {step}") from error
        raise
    return target


def read_checkpoint(folder: Path) -> Snapshot:
    """Reads a checkpoint back, every byte checked.

    Raises:
        EngineError: CorruptArtifact.
    """
    index = read_json(folder / INDEX)
    if not isinstance(index, dict):
        raise EngineError("CorruptArtifact", f"checkpoint {folder.name}: {INDEX} is missing")
    contents: dict[str, bytes] = {}
    for name in (ADAPTER_CONFIG, ADAPTER, STATE, META):
        try:
            data = (folder / name).read_bytes()
        except FileNotFoundError as error:
            raise EngineError("CorruptArtifact", f"checkpoint {folder.name}: {name} is missing") from error
        if index.get(name, {}).get("sha256") != sha256_bytes(data):
            raise EngineError("CorruptArtifact", f"checkpoint {folder.name}: {name} does not match its hash")
        contents[name] = data
    meta: Any = read_json(folder / META)
    return Snapshot(contents[ADAPTER_CONFIG], contents[ADAPTER], contents[STATE], meta)


def first_readable(folders: Iterable[Path]) -> tuple[int, Snapshot] | None:
    """The first checkpoint that reads back whole, and its place in the list."""
    for place, folder in enumerate(folders):
        try:
            return place, read_checkpoint(folder)
        except EngineError:
            continue
    return None


def list_checkpoints(parent: Path) -> list[Path]:
    """Whole checkpoints, oldest first."""
    if not parent.is_dir():
        return []
    named = [(match, folder) for folder in parent.iterdir() if (match := NAME.fullmatch(folder.name))]
    return [folder for _, folder in sorted(named, key=lambda item: (int(item[0][1]), int(item[0][2])))]
