"""From the contract's inputs to files on this disk and the trainer's orders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from belay_gpu.canonical import readable_json
from belay_gpu.contracts.models import (
    CheckpointManifest,
    CheckpointRef,
    ModelSpec,
    Split,
    TokenisedDataset,
)
from belay_gpu.data.tokenised import SplitInfo, read_info
from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.spec import BaseSpec
from belay_gpu.trainer.checkpoints import INDEX, checkpoint_name
from belay_gpu.worker.cache import InputCache


def base_spec(model: ModelSpec, task: str, info: SplitInfo) -> BaseSpec:
    return BaseSpec(
        model=model.model_name_or_path,
        revision=model.revision,
        dtype=model.dtype,
        load_in_4bit=model.load_in_4bit,
        task="sequence_classification" if task == "sequence_classification" else "causal_lm",
        class_names=tuple(info.class_names or ()),
        added_tokens=tuple(info.added_tokens),
    )


async def fetch_split(cache: InputCache, dataset: TokenisedDataset, split: Split) -> Path | None:
    """None where the data set has no such split. Raises: EngineError."""
    ref = dataset.splits.get(split)
    return None if ref is None else await cache.path(ref)


async def require_split(cache: InputCache, dataset: TokenisedDataset, split: Split) -> tuple[Path, SplitInfo]:
    """Raises: EngineError (InvalidDataset where there is no such split)."""
    path = await fetch_split(cache, dataset, split)
    if path is None:
        raise EngineError("InvalidDataset", f"the data set has no {split} rows")
    try:
        return path, read_info(path)
    except ValueError as error:
        raise EngineError("CorruptArtifact", str(error)) from error


async def fetch_checkpoint(cache: InputCache, ref: CheckpointRef, parent: Path) -> Path:
    """A checkpoint as a folder under `parent`; its files are links to the cache, every one checked.

    Raises:
        EngineError: CorruptArtifact or NotFound for a checkpoint that is not whole any more.
    """
    path = await cache.path(ref.manifest)
    try:
        manifest = CheckpointManifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise EngineError("CorruptArtifact", f"{ref.manifest.uri} is not a checkpoint's manifest") from error
    if (manifest.step, manifest.epoch) != (ref.step, ref.epoch):
        raise EngineError("CorruptArtifact", f"{ref.manifest.uri} is of step {manifest.step}, not {ref.step}")
    folder = parent / checkpoint_name(ref.step, ref.epoch)
    folder.mkdir(parents=True, exist_ok=True)
    index: dict[str, dict[str, object]] = {}
    for file in manifest.files:
        source = await cache.path(file.ref)
        target = folder / Path(file.path).name
        target.unlink(missing_ok=True)
        os.link(source, target)
        index[target.name] = {"sha256": file.ref.sha256, "sizeBytes": file.ref.size_bytes}
    (folder / INDEX).write_bytes(readable_json(index))
    return folder


async def fetch_newest(
    cache: InputCache, candidates: Sequence[CheckpointRef], parent: Path, up_to_step: int
) -> tuple[CheckpointRef, Path] | None:
    """The newest checkpoint that is still whole; a damaged one is passed over. None: begin anew.

    Raises:
        EngineError: StorageUnavailable or DiskFull, which say nothing about the checkpoint.
    """
    for ref in candidates:
        if ref.step > up_to_step:
            continue
        try:
            return ref, await fetch_checkpoint(cache, ref, parent)
        except EngineError as error:
            if error.type not in ("CorruptArtifact", "NotFound"):
                raise
    return None
