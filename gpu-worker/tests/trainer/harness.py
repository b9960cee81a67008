"""Trainers for tests: in this process, turned by hand, and as real processes that can be killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from belay_gpu.engine.environment import describe_environment
from belay_gpu.engine.spec import BaseSpec
from belay_gpu.trainer.bases import Bases
from belay_gpu.trainer.commands import AnyOrder, Candidate, EvalOrder, TrainOrder
from belay_gpu.trainer.jobs import Resources
from belay_gpu.trainer.parking import ParkingLot
from belay_gpu.trainer.service import Trainer
from belay_gpu.trainer.spool import Spool
from belay_gpu.wal import valid_prefix
from tests.support.servers import until
from tests.support.tiny import copy_task, save_llama, write_split

TOTAL = 12
CONFIG: dict[str, Any] = {
    "train": {
        "learning_rate": 1e-2,
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 1,
        "full_determinism": True,
        "seed": 3,
    },
    "lora": {"r": 4, "lora_alpha": 8, "lora_dropout": 0.1},
}


@dataclass
class Bench:
    """A base and two splits on this disk, and orders over them."""

    folder: Path
    base: BaseSpec
    train: Path
    validation: Path

    def train_order(
        self, job: str, *, subject: str = "run/trial-0", epoch: int = 1, **changes: Any
    ) -> TrainOrder:
        order = TrainOrder(
            job=job,
            run="run",
            subject=subject,
            epoch=epoch,
            trial=0,
            base=self.base,
            config=CONFIG,
            total_steps=TOTAL,
            target_step=TOTAL,
            eval_steps=4,
            save_steps=4,
            eval_batch_size=8,
            park_seconds=0,
            train_data=str(self.train),
            validation_data=str(self.validation),
            resume=[],
        )
        return replace(order, **changes)

    def eval_order(self, job: str, **changes: Any) -> EvalOrder:
        order = EvalOrder(job, "run", "run/eval", 1, self.base, str(self.validation), None, 4, None, None)
        return replace(order, **changes)


def bench(folder: Path) -> Bench:
    base = BaseSpec(str(save_llama(folder / "base")))
    return Bench(
        folder,
        base,
        write_split(folder, copy_task(30)),
        write_split(folder, copy_task(8, split="validation")),
    )


def trainer(root: Path, **settings: Any) -> Trainer:
    device = torch.device("cpu")
    environment = describe_environment(device)
    resources = Resources(Spool(root), Bases(device), ParkingLot(4), device, "test.1", environment)
    return Trainer(resources, **settings)


def turn_until_done(service: Trainer, *jobs: str) -> list[dict[str, Any]]:
    """Turns the loop until these jobs have results."""
    spool = service.resources.spool
    for _ in range(2000):
        results = [spool.result(job) for job in jobs]
        if all(result is not None for result in results):
            return results  # type: ignore[return-value]
        service.turn()
    raise AssertionError(f"no result of {jobs}")


def put(service: Trainer, *orders: AnyOrder) -> None:
    for order in orders:
        service.resources.spool.put(order)


def events(service_or_spool: Trainer | Spool, run: str = "run") -> list[dict[str, Any]]:
    spool = service_or_spool.resources.spool if isinstance(service_or_spool, Trainer) else service_or_spool
    path = spool.wal_path(run)
    return valid_prefix(path.read_bytes(), 0).events if path.exists() else []


def losses(
    log: list[dict[str, Any]], subject: str = "run/trial-0", epoch: int | None = None
) -> dict[int, float]:
    return {
        event["data"]["step"]: event["data"]["values"]["train_loss"]
        for event in log
        if event["subject"] == subject
        and epoch in (None, event["epoch"])
        and "train_loss" in event["data"].get("values", {})
    }


def candidate(output: dict[str, Any]) -> Candidate:
    checkpoint = output["checkpoint"]
    return Candidate(checkpoint["folder"], checkpoint["step"], checkpoint["epoch"])


@contextmanager
def trainer_process(root: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], Spool]]:
    command = [
        sys.executable,
        "-m",
        "belay_gpu.trainer",
        "--spool",
        str(root),
        "--device",
        "cpu",
        "--threads",
        "1",
    ]
    child = subprocess.Popen([*command, *arguments])
    spool = Spool(root)
    try:
        until(lambda: spool.ready() is not None or child.poll() is not None, "the trainer", 120)
        yield child, spool
    finally:
        child.kill()
        child.wait()
