"""Signs of life from inside a long turn: a base comes from the hub, is loaded, or is written."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from transformers.utils.logging import set_tqdm_hook

from belay_gpu.engine.hub_files import hub_folder
from belay_gpu.engine.spec import BaseSpec

LOOK_SECONDS = 1.0
#: What `st_blocks` counts in.
BLOCK_BYTES = 512

Alive = Callable[[], object]


class Growth:
    """Whether a folder has grown from look to look."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._size = self._measure()

    def look(self) -> bool:
        before, self._size = self._size, self._measure()
        return self._size > before

    def _measure(self) -> int:
        """Bytes of all files, and those that lie on the disk: a draft may have its whole length at once."""
        total = 0
        for folder, _, names in os.walk(self._folder):
            for name in names:
                with suppress(FileNotFoundError):  # renamed since the folder was read
                    facts = os.lstat(os.path.join(folder, name))
                    total += facts.st_size + facts.st_blocks * BLOCK_BYTES
        return total


@contextmanager
def while_loading(base: BaseSpec, alive: Alive) -> Iterator[None]:
    """Within, `alive` is called, also from another thread, as long as there is progress.

    That is: what this machine has of the base grows, whoever fetches it; a weight was loaded; a file of
    weights was written.
    """
    over, folder = threading.Event(), hub_folder(base)

    def watch(growth: Growth) -> None:
        while not over.wait(LOOK_SECONDS):
            if growth.look():
                alive()

    def bar(make: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if len(args) in (1, 2) and hasattr(args[0], "__len__"):
            kwargs.setdefault("total", len(args[0]))
        return make(*(_telling(items, alive) for items in args[:1]), *args[1:], **kwargs)

    before = set_tqdm_hook(bar)
    watcher = threading.Thread(target=watch, args=(Growth(folder),), daemon=True) if folder else None
    if watcher is not None:
        watcher.start()
    try:
        yield
    finally:
        over.set()
        if watcher is not None:
            watcher.join()
        set_tqdm_hook(before)


def _telling(items: Any, alive: Alive) -> Iterator[Any]:
    for item in items:
        alive()
        yield item
