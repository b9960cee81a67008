"""A merge on board. It loads a base of its own, in full precision, so it needs no slot."""

from __future__ import annotations

from pathlib import Path

from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.merge import merge_adapter
from belay_gpu.trainer.commands import MergeOrder
from belay_gpu.trainer.jobs import Job, Resources
from belay_gpu.trainer.signs import while_loading


class MergeJob(Job):
    def __init__(self, order: MergeOrder, resources: Resources) -> None:
        super().__init__(order)
        self.order = order
        self._resources = resources

    def advance(self) -> None:
        order, resources = self.order, self._resources
        rows = resources.split(order.data)
        with while_loading(order.base, resources.alive):
            self.output = merge_adapter(
                order.base, Path(order.adapter), rows, Path(order.output), resources.device, resources.alive
            )

    def stop(self) -> None:
        raise EngineError("Cancelled", "the merge was stopped")

    def leave(self) -> None:
        """Nothing is held between two calls."""
