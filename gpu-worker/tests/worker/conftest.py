from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from minio import Minio

from belay_gpu.worker.config import StoreConfig
from belay_gpu.worker.store import ObjectStore
from tests.support.servers import object_store, temporal_server


@pytest.fixture(scope="session")
def store_config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreConfig]:
    with object_store(tmp_path_factory.mktemp("minio")) as config:
        client = Minio(
            config.endpoint.removeprefix("http://"),
            config.access_key,
            config.secret_key,
            secure=False,
            region="us-east-1",
        )
        client.make_bucket(config.bucket)
        yield config


@pytest.fixture
def store(store_config: StoreConfig) -> ObjectStore:
    return ObjectStore(store_config)


@pytest.fixture(scope="session")
def temporal_address() -> Iterator[str]:
    with temporal_server() as address:
        yield address


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"
