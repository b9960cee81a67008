"""An evaluation on board: one adapter, or the bare base, on one split."""

from __future__ import annotations

from pathlib import Path
from time import monotonic

from belay_gpu.engine.baselines import majority_metrics, probe_metrics
from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.protocol import EvalRequest, Evaluation, GenerationRequest
from belay_gpu.files import write_json_atomic
from belay_gpu.trainer.commands import EvalOrder
from belay_gpu.trainer.jobs import Job, Resources


class EvalJob(Job):
    def __init__(self, order: EvalOrder, resources: Resources) -> None:
        super().__init__(order)
        self.order = order
        self._resources = resources
        self._data = resources.split(order.data)
        self._engine = resources.engine(order.base)
        self._slot = order.job if order.adapter is not None else None
        if order.adapter is not None:
            self._engine.attach(order.job, Path(order.adapter))
        generation = GenerationRequest(**order.generation) if order.generation else None
        self._walk: Evaluation = self._engine.evaluate(
            self._slot, self._data, EvalRequest(order.batch_size, generation)
        )
        self._seconds = 0.0

    def advance(self) -> None:
        started = monotonic()
        try:
            next(self._walk)
        except StopIteration as done:
            result = done.value
            baselines = self._baselines()
            self._resources.synchronize()
            self._seconds += monotonic() - started
            folder = self._resources.spool.job_folder(self.order.job)
            write_json_atomic(folder / "examples.json", {"examples": result.examples})
            self.output = {
                "metrics": result.metrics,
                "diverged": result.diverged,
                "examples": self._data.rows,
                "examplesFile": str(folder / "examples.json"),
                "samples": result.samples,
                "baselines": baselines,
                "gpuSeconds": self._seconds,
            }
        else:
            self._resources.synchronize()
            self._seconds += monotonic() - started

    def _baselines(self) -> dict[str, dict[str, float]] | None:
        if self.order.baseline_data is None or self._data.class_ids is None:
            return None
        train = self._resources.split(self.order.baseline_data)
        found = {"majority": majority_metrics(train, self._data)}
        if isinstance(self._engine, PeftEngine):
            found["linear_probe"] = probe_metrics(
                self._engine, train, self._data, self.order.batch_size, self._resources.alive
            )
        return found

    def stop(self) -> None:
        raise EngineError("Cancelled", "the evaluation was stopped")

    def leave(self) -> None:
        if self._slot is not None:
            self._engine.retire(self._slot)
