"""How a worker says that it polls: a small file, there or not, never half written."""

from __future__ import annotations

import json
import os
from pathlib import Path


def write_ready_file(path: Path | None, name: str, task_queue: str) -> None:
    """Writes {pid, name, taskQueue} by atomic rename. `path` None: nobody asked."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps({"pid": os.getpid(), "name": name, "taskQueue": task_queue}))
    draft.replace(path)


def remove_ready_file(path: Path | None) -> None:
    if path is not None:
        path.unlink(missing_ok=True)
