from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from belay_gpu.worker.config import StoreConfig
from belay_gpu.worker.store import ObjectStore
from tests.support.servers import make_bucket, object_store, temporal_server


@pytest.fixture(scope="session")
def store_config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreConfig]:
    with object_store(tmp_path_factory.mktemp("minio")) as config:
        make_bucket(config)
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
