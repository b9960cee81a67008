"""The object store as workers use it: content-addressed blobs and a few named objects, every byte checked."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlparse

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from belay_gpu.canonical import sha256_bytes, sha256_file
from belay_gpu.contracts.models import ArtifactRef
from belay_gpu.engine.errors import EngineError, disk_full, is_disk_full
from belay_gpu.worker.config import StoreConfig

T = TypeVar("T")

MEDIA_TYPES = {
    ".json": "application/json",
    ".jsonl": "application/x-ndjson",
    ".safetensors": "application/vnd.safetensors",
    ".md": "text/markdown",
    ".txt": "text/plain",
    ".jinja": "text/plain",
}
BINARY = "application/octet-stream"


def media_type(name: str) -> str:
    return MEDIA_TYPES.get(Path(name).suffix, BINARY)


def blob_key(sha256: str) -> str:
    return f"objects/sha256/{sha256}"


class ObjectStore:
    """Blocking; call from a thread. Every method may raise `EngineError` (StorageUnavailable)."""

    def __init__(self, config: StoreConfig) -> None:
        address = urlparse(config.endpoint)
        self._bucket = config.bucket
        self._client = Minio(
            address.netloc,
            access_key=config.access_key,
            secret_key=config.secret_key,
            secure=address.scheme == "https",
            region="us-east-1",  # named, so that no request is spent on asking for it
            http_client=urllib3.PoolManager(
                timeout=urllib3.Timeout(connect=3, read=60),
                retries=urllib3.Retry(total=2, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
                maxsize=16,
            ),
        )

    def put_blob(self, data: bytes, media: str) -> ArtifactRef:
        """Stores bytes under their own hash. Always written: a collector spares what was stored again."""
        return self.put_named(blob_key(sha256_bytes(data)), data, media)

    def put_named(self, key: str, data: bytes, media: str) -> ArtifactRef:
        self._call(
            lambda: self._client.put_object(
                self._bucket, key, io.BytesIO(data), len(data), content_type=media
            ),
            key,
        )
        return self._ref(key, sha256_bytes(data), len(data), media)

    def put_file(self, path: Path) -> ArtifactRef:
        """Stores a file under its hash without reading it into memory."""
        sha256, media = sha256_file(path), media_type(path.name)
        key = blob_key(sha256)
        self._call(lambda: self._client.fput_object(self._bucket, key, str(path), content_type=media), key)
        return self._ref(key, sha256, path.stat().st_size, media)

    def fetch(self, ref: ArtifactRef, target: Path) -> None:
        """Downloads an object to a file, whole and checked, or not at all.

        Raises:
            EngineError: CorruptArtifact where the bytes do not match, NotFound where there are none,
            DiskFull.
        """
        bucket, key = self._address(ref)
        draft = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            self._call(lambda: self._download(bucket, key, draft), key)
            if sha256_file(draft) != ref.sha256:
                raise EngineError("CorruptArtifact", f"{ref.uri} does not match its hash {ref.sha256}")
            draft.replace(target)
        except OSError as error:
            if is_disk_full(error):
                raise disk_full(error, f"downloading {ref.uri}") from error
            raise
        finally:
            draft.unlink(missing_ok=True)

    def _download(self, bucket: str, key: str, target: Path) -> None:
        response = self._client.get_object(bucket, key)
        try:
            with target.open("wb") as file:
                for part in response.stream(1 << 20):
                    file.write(part)
        finally:
            response.close()
            response.release_conn()

    def _address(self, ref: ArtifactRef) -> tuple[str, str]:
        parsed = urlparse(ref.uri)
        return parsed.netloc, parsed.path.lstrip("/")

    def _ref(self, key: str, sha256: str, size: int, media: str) -> ArtifactRef:
        return ArtifactRef(uri=f"s3://{self._bucket}/{key}", sha256=sha256, size_bytes=size, media_type=media)

    def _call(self, request: Callable[[], T], key: str) -> T:
        try:
            return request()
        except S3Error as error:
            if error.code in ("NoSuchKey", "NoSuchVersion"):
                raise EngineError("NotFound", f"s3://{self._bucket}/{key} does not exist") from error
            raise EngineError(
                "StorageUnavailable", f"object store: {error.code}: {error.message} ({key})"
            ) from error
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            reason = str(getattr(error, "reason", None) or error)
            raise EngineError("StorageUnavailable", f"the object store does not answer: {reason}") from error
