"""The ML worker pays for its skills' imports before the first activity does."""

from __future__ import annotations

import subprocess
import sys

from tests.support.servers import ROOT

SCRIPT = """
import sys
from belay_gpu.worker.ml import warm_up
from belay_gpu.worker.ml_activities import MlActivities
print(sorted(name for name in ("torch", "transformers") if name in sys.modules))
warm_up()
known = set(sys.modules)
print(sorted(name for name in ("torch", "transformers") if name in known))
# As the activities do it.
from belay_gpu.skills.dataset.skill import analyze_dataset
from belay_gpu.skills.config import build_search_space, target_device
from belay_gpu.skills.hpo.ask import ask
from belay_gpu.skills.hpo.mirror import Mirror
from belay_gpu.skills.hpo.select_best import select_best
from belay_gpu.skills.compare import compare
new = set(sys.modules) - known
print(sorted(name for name in new if name.startswith(("torch", "transformers", "optuna"))))
"""


def test_after_the_warm_up_an_activity_imports_nothing_heavy() -> None:
    environment = {"PYTHONPATH": str(ROOT / "gpu-worker"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["[]", "['torch', 'transformers']", "[]"]
