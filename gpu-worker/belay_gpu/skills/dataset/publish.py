"""Puts what an analysis found into the object store, by content: a repeat stores the same objects."""

from __future__ import annotations

from typing import Protocol

from belay_gpu.canonical import canonical_json, readable_json, sha256_bytes
from belay_gpu.contracts import (
    ArtifactRef,
    DatasetAnalyzeInput,
    DatasetSummary,
    DatasetSummaryRows,
    TokenisedDataset,
)
from belay_gpu.data.tokenised import encode_split
from belay_gpu.skills.dataset.analyze import Analysis

JSON = "application/json"
SAFETENSORS = "application/vnd.safetensors"


class BlobStore(Protocol):
    def put_blob(self, data: bytes, media: str) -> ArtifactRef: ...


def publish(request: DatasetAnalyzeInput, analysis: Analysis, store: BlobStore) -> DatasetSummary:
    """Profile first, then the splits; the summary names them.

    Raises:
        EngineError: StorageUnavailable.
    """
    profile = analysis.profile
    profile_ref = store.put_blob(readable_json(profile.model_dump(mode="json", by_alias=True)), JSON)
    splits = {
        name: store.put_blob(encode_split(split), SAFETENSORS)
        for name, split in sorted(analysis.splits.items())
    }
    return DatasetSummary(
        profile=profile_ref,
        tokenised=TokenisedDataset(
            splits=splits,  # type: ignore[arg-type]
            sha256=sha256_bytes(canonical_json({name: ref.sha256 for name, ref in splits.items()})),
            class_names=analysis.class_names,
        ),
        rows=DatasetSummaryRows(
            train=profile.rows.train, validation=profile.rows.validation, test=profile.rows.test
        ),
        format=profile.format,
        dataset_sha256=analysis.dataset_sha256,
        split_sha256=analysis.split_sha256,
        tokenizer_sha256=analysis.tokenizer_sha256,
        template_sha256=analysis.template_sha256,
        label_tokens=profile.token_lengths.label_tokens,
        max_length=analysis.max_length,
        packs=analysis.packs,
        warnings=profile.warnings,
    )
