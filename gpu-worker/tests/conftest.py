from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from belay_gpu.engine.determinism import prepare_process


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Other processes share the machine, and waiting threads are slower than one."""
    prepare_process(1)
    yield
    assert torch.get_num_threads() == 1
