"""The same number of empty trials in Ray Tune. Prints one JSON object on standard output."""

from __future__ import annotations

import json
import os
import resource
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


def tree_cpu_seconds() -> float:
    """CPU seconds of this process and of all below it, those that have ended included."""
    times: dict[int, tuple[int, float]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as stat:
                text = stat.read()
        except OSError:
            continue
        fields = text[text.rindex(")") + 2 :].split()
        times[int(name)] = (int(fields[1]), sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK"))

    def below(pid: int) -> float:
        return times[pid][1] + sum(below(child) for child, (parent, _) in times.items() if parent == pid)

    return below(os.getpid())


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
        cpu = tree_cpu_seconds()
        start = time.perf_counter()
        results = tuner.fit()
        seconds = time.perf_counter() - start
        cpu = tree_cpu_seconds() - cpu
    assert len(results) == trials and not results.errors, results.errors
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"trials": trials, "seconds": seconds, "cpuSeconds": cpu, "driverPeakKiB": peak}))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] == "reuse")
