"""Which base is resident. One at a time: a second one would take the memory that slots are measured by."""

from __future__ import annotations

import gc
from collections.abc import Callable

import torch

from belay_gpu.engine.hub_files import hub_files
from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.protocol import Engine
from belay_gpu.engine.spec import BaseSpec
from belay_gpu.trainer.signs import Alive, while_loading

EngineFactory = Callable[[BaseSpec, torch.device], Engine]


class Bases:
    """Loads a base when a job needs it, and lets the former go once nothing of it is in use."""

    def __init__(self, device: torch.device, build: EngineFactory = PeftEngine) -> None:
        self._device = device
        self._build = build
        self._engine: Engine | None = None
        self._hub_files: dict[str, str] | None = None

    @property
    def resident(self) -> Engine | None:
        return self._engine

    def holds(self, base: BaseSpec) -> bool:
        return self._engine is not None and self._engine.base == base

    def engine(self, base: BaseSpec, alive: Alive) -> Engine:
        """The engine of this base; loads it, in place of an idle other. `alive` is called on the way.

        Raises:
            EngineError: the base cannot be loaded.
        """
        if self._engine is None or self._engine.base != base:
            self.drop()
            with while_loading(base, alive):
                self._engine = self._build(base, self._device)
        return self._engine

    def resident_files(self, alive: Alive) -> dict[str, str]:
        """SHA-256 by path, of the files that the resident base was fetched in; none for a local folder."""
        if self._hub_files is None:
            assert self._engine is not None
            self._hub_files = hub_files(self._engine.base, alive)
        return self._hub_files

    def drop(self) -> None:
        self._engine = self._hub_files = None
        gc.collect()
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
