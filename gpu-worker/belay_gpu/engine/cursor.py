"""Where a trial is in its data: epoch, index and seed give every later batch, so they are all to save."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from belay_gpu.engine.seeds import derive_seed


@dataclass
class Cursor:
    """Walks over `units` training units, each epoch in an order of its own."""

    units: int
    seed: int
    epoch: int = 0
    index: int = 0
    _order: tuple[int, list[int]] | None = field(default=None, repr=False, compare=False)

    def take(self, count: int) -> list[int]:
        """The next `count` units; fewer at the end of an epoch, so that each epoch sees every unit once."""
        if self._order is None or self._order[0] != self.epoch:
            generator = torch.Generator().manual_seed(derive_seed(self.seed, "order", self.epoch))
            self._order = (self.epoch, torch.randperm(self.units, generator=generator).tolist())
        taken = self._order[1][self.index : self.index + count]
        self.index += len(taken)
        if self.index >= self.units:
            self.epoch, self.index = self.epoch + 1, 0
        return taken
