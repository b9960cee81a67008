"""The same number of empty trials in Ray Tune. Prints the lines `begin` and `end` around what is
measured, then one JSON object.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from typing import Any

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")

import ray
from ray import tune


def trial(config: dict[str, Any]) -> None:
    tune.report({"loss": abs(config["learning_rate"] - 0.01)})


def main(trials: int, reuse_actors: bool) -> None:
    ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    with tempfile.TemporaryDirectory() as folder:
        tuner = tune.Tuner(
            trial,
            param_space={"learning_rate": tune.loguniform(1e-4, 1e-1)},
            tune_config=tune.TuneConfig(
                metric="loss", mode="min", num_samples=trials, reuse_actors=reuse_actors
            ),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        print("begin", flush=True)
        start = time.perf_counter()
        results = tuner.fit()
        seconds = time.perf_counter() - start
        print("end", flush=True)
    assert len(results) == trials and not results.errors, results.errors
    print(json.dumps({"trials": trials, "seconds": seconds}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] == "reuse")
