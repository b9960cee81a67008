"""`python -m belay_gpu.worker <gpu|ml>`."""

from __future__ import annotations

import argparse
import asyncio
import sys

from temporalio import activity

from belay_gpu.logs import setup_logs
from belay_gpu.worker.config import ConfigError, gpu_config, ml_config

MISSING_ON_THIS_MACHINE = 3


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m belay_gpu.worker", description=__doc__)
    parser.add_argument(
        "role", choices=["gpu", "ml"], help="gpu: engines and seats; ml: dataset, config and HPO skills"
    )
    role = parser.parse_args(argv).role
    setup_logs()
    activity.logger.activity_info_on_message = False  # the lines have fields for that
    try:
        if role == "gpu":
            from belay_gpu.worker.gpu import run_gpu_worker

            asyncio.run(run_gpu_worker(gpu_config()))
        else:
            from belay_gpu.worker.ml import run_ml_worker

            asyncio.run(run_ml_worker(ml_config()))
    except ConfigError as error:
        print(f"belay {role} worker: {error}", file=sys.stderr)
        return MISSING_ON_THIS_MACHINE
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
