"""Folders that appear whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def whole_folder(out: Path, fill: Callable[[Path], None]) -> bool:
    """Lets `fill` make the content of a new folder `out`; False when it was there already."""
    if out.exists():
        return False
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        draft.chmod(0o755)
        fill(draft)
        try:
            os.rename(draft, out)
        except OSError:
            if not out.exists():
                raise
            return False  # another process was faster; its result is equal
        return True
    finally:
        shutil.rmtree(draft, ignore_errors=True)
