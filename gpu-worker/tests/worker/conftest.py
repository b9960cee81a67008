from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from minio import Minio
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Worker

from belay_gpu.worker.config import StoreConfig
from belay_gpu.worker.store import ObjectStore
from tests.support.servers import make_bucket, object_store, temporal_server
from tests.worker.harness import GpuWorker, OneJob, gpu_worker
from tests.worker.jobs import Inputs, make_inputs


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


@pytest.fixture(scope="module")
def shared_worker(
    temporal_address: str, store_config: StoreConfig, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GpuWorker]:
    """One worker for the tests that leave it alive; the trainer's imports are paid once."""
    with gpu_worker(temporal_address, store_config, tmp_path_factory.mktemp("gpu") / "state") as worker:
        yield worker


@pytest.fixture
async def client(temporal_address: str) -> AsyncIterator[Client]:
    client = await Client.connect(temporal_address, data_converter=pydantic_data_converter)
    async with Worker(client, task_queue="test", workflows=[OneJob]):
        yield client


@pytest.fixture
def s3(store_config: StoreConfig) -> Minio:
    address = store_config.endpoint.removeprefix("http://")
    return Minio(address, store_config.access_key, store_config.secret_key, secure=False, region="us-east-1")


@pytest.fixture
def inputs(store: ObjectStore, tmp_path: Path) -> Inputs:
    return make_inputs(store, tmp_path, f"run-{uuid.uuid4().hex[:8]}")
