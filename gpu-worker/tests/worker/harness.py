"""A GPU worker as a real process, and a workflow that calls its activities as the dispatcher does."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError

from belay_gpu.worker.config import StoreConfig
from tests.support.servers import ROOT, until

ONCE = RetryPolicy(maximum_attempts=1)


@dataclass
class GpuWorker:
    process: subprocess.Popen[bytes]
    state_dir: Path
    ready_file: Path

    def trainer_pid(self) -> int:
        """Process id of the trainer that runs now."""
        files = sorted(self.state_dir.glob("engines/*/*/trainer.json"), key=lambda file: file.stat().st_mtime)
        return int(json.loads(files[-1].read_text())["pid"])


@contextmanager
def gpu_worker(temporal: str, store: StoreConfig, state_dir: Path, **settings: str) -> Iterator[GpuWorker]:
    ready = state_dir.parent / f"ready-{os.urandom(4).hex()}.json"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "gpu-worker"),
        "TEMPORAL_ADDRESS": temporal,
        "BELAY_S3_ENDPOINT": store.endpoint,
        "BELAY_S3_BUCKET": store.bucket,
        "BELAY_S3_ACCESS_KEY": store.access_key,
        "BELAY_S3_SECRET_KEY": store.secret_key,
        "BELAY_STATE_DIR": str(state_dir),
        "BELAY_READY_FILE": str(ready),
        "BELAY_DEVICE": "cpu",
        "BELAY_TORCH_THREADS": "1",
        **settings,
    }
    process = subprocess.Popen([sys.executable, "-m", "belay_gpu.worker", "gpu"], env=environment)
    try:
        until(lambda: ready.exists() or process.poll() is not None, "the GPU worker", 240)
        if process.poll() is not None:
            raise RuntimeError(f"the GPU worker ended with {process.returncode}")
        yield GpuWorker(process, state_dir, ready)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@workflow.defn(name="oneJob", sandboxed=False)
class OneJob:
    """One seat, one activity on it, the seat given back: what the dispatcher does, without its retries."""

    def __init__(self) -> None:
        self._stop = False

    @workflow.run
    async def run(self, request: dict[str, Any]) -> Any:
        wish = {"run": request["run"], "subject": request["subject"], "base": "tiny", "exclusive": False}
        grant = await workflow.execute_activity(
            "gpu.acquireSeat", wish, task_queue="belay-gpu", start_to_close_timeout=timedelta(seconds=60)
        )
        job = {
            "run": request["run"],
            "subject": request["subject"],
            "epoch": request["epoch"],
            "resumeFrom": request.get("resumeFrom", []),
            "seat": grant,
            "releaseSeat": True,
        }
        try:
            return await workflow.execute_activity(
                request["entrypoint"],
                {**request["params"], "job": job},
                task_queue=grant["taskQueue"],
                start_to_close_timeout=timedelta(minutes=5),
                schedule_to_start_timeout=timedelta(seconds=30),
                heartbeat_timeout=timedelta(seconds=10),
                retry_policy=ONCE,
                cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            )
        except ActivityError:
            # The engine frees the seat itself after a normal end only; one that is lost takes no more work.
            with contextlib.suppress(ActivityError):
                await workflow.execute_activity(
                    "gpu.releaseSeat",
                    {"seatId": grant["seatId"]},
                    task_queue=grant["taskQueue"],
                    schedule_to_close_timeout=timedelta(seconds=5),
                    retry_policy=ONCE,
                )
            raise
