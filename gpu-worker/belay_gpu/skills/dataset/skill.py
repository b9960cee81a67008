"""The dataset skill as an activity's body: the walk, then the object store."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Protocol

from belay_gpu.canonical import canonical_json, readable_json, sha256_bytes
from belay_gpu.contracts import (
    ArtifactRef,
    DatasetAnalyzeInput,
    DatasetSummary,
    DatasetSummaryRows,
    NamedArtifact,
    TokenisedDataset,
)
from belay_gpu.data.tokenised import encode_split
from belay_gpu.skills.dataset.analyze import Analysis, analyze

MEDIA_TYPES = {".json": "application/json", ".jinja": "text/plain", ".txt": "text/plain"}


class Blobs(Protocol):
    """Where artifacts are kept by their hash."""

    def put_blob(self, data: bytes, media: str) -> ArtifactRef: ...


def analyze_dataset(request: DatasetAnalyzeInput, blobs: Blobs) -> DatasetSummary:
    """Analyses a data set and stores its profile, tokenised splits and tokenizer. Repeats store the same
    objects.

    Raises:
        SkillError: InvalidDataset or ModelUnavailable; StorageUnavailable.
    """
    found = analyze(request)
    splits = {
        name: blobs.put_blob(encode_split(split), "application/vnd.safetensors")
        for name, split in found.splits.items()
    }
    tokenizer = [
        NamedArtifact(path=path, ref=blobs.put_blob(data, _media_type(path)))
        for path, data in found.tokenizer_files.items()
    ]
    content = found.profile.model_dump(mode="json", by_alias=True)
    profile = blobs.put_blob(readable_json(content), "application/json")
    return _summary(found, profile, splits, tokenizer)


def _media_type(path: str) -> str:
    return MEDIA_TYPES.get(PurePosixPath(path).suffix, "application/octet-stream")


def _summary(
    found: Analysis, profile: ArtifactRef, splits: dict[str, ArtifactRef], tokenizer: list[NamedArtifact]
) -> DatasetSummary:
    rows, hashes = found.profile.rows, {name: ref.sha256 for name, ref in splits.items()}
    return DatasetSummary(
        profile=profile,
        tokenised=TokenisedDataset(
            splits=splits,  # type: ignore[arg-type]
            sha256=sha256_bytes(canonical_json(hashes)),
            class_names=found.class_names,
        ),
        rows=DatasetSummaryRows(train=rows.train, validation=rows.validation, test=rows.test),
        format=found.profile.format,
        dataset_sha256=found.dataset_sha256,
        split_sha256=found.split_sha256,
        tokenizer_sha256=found.tokenizer_sha256,
        tokenizer=tokenizer,
        template_sha256=found.template_sha256,
        label_tokens=found.profile.token_lengths.label_tokens,
        max_length=found.max_length,
        packs=found.packs,
        warnings=found.profile.warnings,
    )
