"""`python -m belay_gpu.trainer --spool DIR [--device auto]`: one resident trainer for one device."""

from __future__ import annotations

import argparse
import ctypes
import logging
import os
import signal
import sys
from pathlib import Path

from belay_gpu.logs import setup_logs

log = logging.getLogger("belay_gpu.trainer")

PR_SET_PDEATHSIG = 1
PARKED_SLOTS = 16


def die_with(parent: int) -> bool:
    """Asks the kernel for a SIGTERM when the parent dies; False: it is dead already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    return os.getppid() == parent


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected a whole number of at least 1")
    return int(text)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m belay_gpu.trainer", description=__doc__)
    parser.add_argument(
        "--spool", type=Path, required=True, help="folder of orders and results; made if absent"
    )
    parser.add_argument(
        "--device", default=os.environ.get("BELAY_DEVICE") or "auto", help="auto, cpu, cuda or cuda:N"
    )
    parser.add_argument("--source", help="name of this trainer in the trace log; default: host and process")
    parser.add_argument("--parent", type=int, help="stop, with checkpoints, when this process dies")
    environment = os.environ
    parser.add_argument("--slots", type=positive, default=positive(environment.get("BELAY_SLOTS") or "1"))
    parser.add_argument(
        "--eval-slots", type=positive, default=positive(environment.get("BELAY_EVAL_SLOTS") or "1")
    )
    parser.add_argument(
        "--threads",
        type=positive,
        default=positive(environment.get("BELAY_TORCH_THREADS") or str(usable_cores())),
    )
    options = parser.parse_args(argv)
    setup_logs()
    if options.parent is not None and not die_with(options.parent):
        return 0
    return serve(options)


def usable_cores() -> int:
    """Beyond eight threads the small matrix products of adapters only wait for each other."""
    return min(8, len(os.sched_getaffinity(0)))


def serve(options: argparse.Namespace) -> int:
    # Read when PyTorch's OpenMP is loaded. Long spinning makes a step many times slower as soon as another
    # process wants a core, and gains next to nothing on an idle machine.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from belay_gpu.engine.determinism import prepare_process

    prepare_process(options.threads)
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    from belay_gpu.engine.device import describe_device, resolve_device
    from belay_gpu.engine.environment import describe_environment
    from belay_gpu.engine.errors import EngineError
    from belay_gpu.trainer.bases import Bases
    from belay_gpu.trainer.jobs import Resources
    from belay_gpu.trainer.parking import ParkingLot
    from belay_gpu.trainer.service import Trainer
    from belay_gpu.trainer.spool import Spool

    spool = Spool(options.spool.absolute())
    lock = spool.lock()
    if lock is None:
        print(f"belay trainer: another trainer serves {options.spool}", file=sys.stderr)
        return 1
    try:
        device = resolve_device(options.device)
    except EngineError as error:
        print(f"belay trainer: {error}", file=sys.stderr)
        return 3
    for job in spool.unfinished():
        lost = {"type": "EngineLost", "message": "the trainer that had taken this job died"}
        spool.write_result(job, {"ok": False, "error": lost})
    source = options.source or f"{os.uname().nodename}.{os.getpid()}"
    environment = describe_environment(device)
    resources = Resources(spool, Bases(device), ParkingLot(PARKED_SLOTS), device, source, environment)
    trainer = Trainer(resources, options.slots, options.eval_slots)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: trainer.request_stop())
    spool.write_ready(describe_device(device))
    log.info(
        "trainer is ready", extra={"fields": {"device": describe_device(device), "slots": options.slots}}
    )
    trainer.run()
    log.info("trainer has stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
