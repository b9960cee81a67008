from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.spec import BaseSpec
from tests.support.tiny import save_llama

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture
def engine(llama: Path) -> PeftEngine:
    return PeftEngine(BaseSpec(str(llama)), CPU)


@pytest.fixture
def new_engine(llama: Path) -> Callable[[], PeftEngine]:
    return lambda: PeftEngine(BaseSpec(str(llama)), CPU)
