"""How a worker says that it polls: a small file, there or not, never half written."""

from __future__ import annotations

import os
from pathlib import Path

from belay_gpu.files import write_json_atomic


def write_ready_file(path: Path | None, name: str, task_queue: str) -> None:
    """Writes {pid, name, taskQueue}. `path` None: nobody asked."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json_atomic(path, {"pid": os.getpid(), "name": name, "taskQueue": task_queue})


def remove_ready_file(path: Path | None) -> None:
    if path is not None:
        path.unlink(missing_ok=True)
