"""The ML skills as activities, by their names on the wire. Each body is one call, made in a thread."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from temporalio import activity

from belay_gpu.contracts import (
    ArtifactRef,
    AskInput,
    AskOutput,
    BuildSearchSpaceInput,
    CompareInput,
    CompareOutput,
    DatasetAnalyzeInput,
    DatasetSummary,
    SearchPlan,
    SelectBestInput,
    SelectBestOutput,
    TellInput,
)
from belay_gpu.contracts.names import Activities
from belay_gpu.logs import log_context
from belay_gpu.skills.hpo.record import Record
from belay_gpu.worker.beating import beating
from belay_gpu.worker.errors import as_failures
from belay_gpu.worker.store import ObjectStore

T = TypeVar("T")


@dataclass(frozen=True)
class MlSkills:
    """What the skills work with.

    Attributes:
        record: the run's rows.
        store: the object store.
        optuna_url: database of the mirror study; None: there is none.
        device: what trials run on: auto, cpu, cuda or cuda:N.
    """

    record: Record
    store: ObjectStore
    optuna_url: str | None
    device: str


class MlActivities:
    """Skills are imported at their first use: a worker that only asks needs no torch."""

    def __init__(self, skills: MlSkills) -> None:
        self._skills = skills
        self._mirror: Any = None
        self._running = 0

    @property
    def is_busy(self) -> bool:
        """Whether a thread still works for an activity, be it one that was given up."""
        return self._running > 0

    @activity.defn(name=Activities.DATASET_ANALYZE)
    async def dataset_analyze(self, request: DatasetAnalyzeInput) -> DatasetSummary:
        def body() -> DatasetSummary:
            from belay_gpu.skills.dataset.skill import analyze_dataset

            return analyze_dataset(request, self._skills.store)

        return await self._in_thread(body, run=request.run)

    @activity.defn(name=Activities.CONFIG_BUILD_SEARCH_SPACE)
    async def build_search_space(self, request: BuildSearchSpaceInput) -> SearchPlan:
        def body() -> SearchPlan:
            from belay_gpu.skills.config import build_search_space, target_device

            return build_search_space(request, target_device(self._skills.device))

        return await self._in_thread(body, run=request.run)

    @activity.defn(name=Activities.HPO_ASK)
    async def hpo_ask(self, request: AskInput) -> AskOutput:
        def body() -> AskOutput:
            from belay_gpu.skills.hpo.ask import ask

            return ask(request, self._skills.record)

        return await self._in_thread(body, run=request.run, trials=request.trials)

    @activity.defn(name=Activities.HPO_TELL)
    async def hpo_tell(self, request: TellInput) -> None:
        def body() -> None:
            from belay_gpu.skills.hpo.mirror import Mirror

            if self._skills.optuna_url is None:
                return
            self._mirror = self._mirror or Mirror(self._skills.optuna_url)
            self._mirror.tell(request, self._skills.record)

        await self._in_thread(body, run=request.run, trials=request.trials)

    @activity.defn(name=Activities.HPO_SELECT_BEST)
    async def hpo_select_best(self, request: SelectBestInput) -> SelectBestOutput:
        def body() -> SelectBestOutput:
            from belay_gpu.skills.hpo.select_best import select_best

            return select_best(request, self._skills.record.trials(request.run))

        return await self._in_thread(body, run=request.run)

    @activity.defn(name=Activities.EVAL_COMPARE)
    async def eval_compare(self, request: CompareInput) -> CompareOutput:
        def body() -> CompareOutput:
            from belay_gpu.skills.compare import compare

            base, best = self._examples(request.base), self._examples(request.best)
            return compare(request.metric, base, best, request.seed, request.resamples)

        # The request names no run, but the workflow that compares is named by its own.
        return await self._in_thread(body, run=activity.info().workflow_id)

    def _examples(self, ref: ArtifactRef) -> list[dict[str, Any]]:
        with tempfile.TemporaryDirectory(prefix="belay-compare-") as folder:
            file = Path(folder) / "examples.json"
            self._skills.store.fetch(ref, file)
            return json.loads(file.read_bytes())["examples"]

    async def _in_thread(self, body: Callable[[], T], **about: object) -> T:
        """Runs the body beside the event loop, with heartbeats, and with failures in the contract's words.

        Args:
            body: the skill's call.
            about: the run and the trials, for the log.
        """

        def counted() -> T:
            self._running += 1
            try:
                return body()
            finally:
                self._running -= 1

        with log_context(**about), as_failures():
            async with beating():
                return await asyncio.to_thread(counted)

    def all(self) -> list[Callable[..., Awaitable[Any]]]:
        """Every activity of the queue."""
        return [
            self.dataset_analyze,
            self.build_search_space,
            self.hpo_ask,
            self.hpo_tell,
            self.hpo_select_best,
            self.eval_compare,
        ]
