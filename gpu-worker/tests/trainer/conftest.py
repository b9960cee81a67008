from __future__ import annotations

import pytest

from tests.trainer.harness import Bench
from tests.trainer.harness import bench as make_bench


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return make_bench(tmp_path_factory.mktemp("bench"))
