"""The activities of the ML worker, by their names on the wire. Each body is one call of a skill."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
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
from belay_gpu.skills.hpo.mirror import Mirror
from belay_gpu.skills.hpo.record import Record
from belay_gpu.worker.errors import as_failures
from belay_gpu.worker.store import ObjectStore

T = TypeVar("T")

HEARTBEAT_SECONDS = 1.0


@dataclass(frozen=True)
class MlHost:
    """What the skills share. `mirror` None: no database for the dashboard was given."""

    store: ObjectStore
    record: Record
    mirror: Mirror | None


class MlActivities:
    def __init__(self, host: MlHost) -> None:
        self._host = host

    @activity.defn(name=Activities.DATASET_ANALYZE)
    async def dataset_analyze(self, input: DatasetAnalyzeInput) -> DatasetSummary:
        async with _at_work(input.run):
            return await asyncio.to_thread(_analyze, input, self._host.store)

    @activity.defn(name=Activities.CONFIG_BUILD_SEARCH_SPACE)
    async def config_build_search_space(self, input: BuildSearchSpaceInput) -> SearchPlan:
        async with _at_work(input.run):
            return await asyncio.to_thread(_plan, input)

    @activity.defn(name=Activities.HPO_ASK)
    async def hpo_ask(self, input: AskInput) -> AskOutput:
        async with _at_work(input.run):
            return await asyncio.to_thread(_ask, input, self._host.record)

    @activity.defn(name=Activities.HPO_TELL)
    async def hpo_tell(self, input: TellInput) -> None:
        mirror = self._host.mirror
        if mirror is not None:
            async with _at_work(input.run):
                await asyncio.to_thread(mirror.tell, input, self._host.record)

    @activity.defn(name=Activities.HPO_SELECT_BEST)
    async def hpo_select_best(self, input: SelectBestInput) -> SelectBestOutput:
        from belay_gpu.skills.hpo.select_best import select_best

        async with _at_work(input.run):
            return await asyncio.to_thread(lambda: select_best(input, self._host.record.trials(input.run)))

    @activity.defn(name=Activities.EVAL_COMPARE)
    async def eval_compare(self, input: CompareInput) -> CompareOutput:
        async with _at_work(None):
            return await asyncio.to_thread(_compare, input, self._host.store)

    @property
    def all(self) -> list[Callable[..., Any]]:
        return [
            self.dataset_analyze,
            self.config_build_search_space,
            self.hpo_ask,
            self.hpo_tell,
            self.hpo_select_best,
            self.eval_compare,
        ]


# The skills' imports cost seconds, so they are paid where first needed, or by `warm_up`.


def _analyze(request: DatasetAnalyzeInput, store: ObjectStore) -> DatasetSummary:
    from belay_gpu.skills.dataset.analyze import analyze
    from belay_gpu.skills.dataset.publish import publish

    return publish(request, analyze(request), store)


def _plan(request: BuildSearchSpaceInput) -> SearchPlan:
    from belay_gpu.skills.config import build_search_space

    return build_search_space(request)


def _ask(request: AskInput, record: Record) -> AskOutput:
    from belay_gpu.skills.hpo.ask import ask

    return ask(request, record)


def _compare(request: CompareInput, store: ObjectStore) -> CompareOutput:
    from belay_gpu.skills.compare import compare

    base, best = (_examples(ref, store) for ref in (request.base, request.best))
    return compare(request.metric, base, best, request.seed, request.resamples)


def _examples(ref: ArtifactRef, store: ObjectStore) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "examples.json"
        store.fetch(ref, file)
        return json.loads(file.read_text())["examples"]


def warm_up() -> None:
    """Imports what the first request of each skill would wait for."""
    import belay_gpu.skills.compare
    import belay_gpu.skills.config
    import belay_gpu.skills.dataset.publish
    import belay_gpu.skills.hpo.ask  # noqa: F401


@asynccontextmanager
async def _at_work(run: str | None) -> AsyncIterator[None]:
    """Heartbeats while the body runs in a thread, and failures in the contract's words."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(HEARTBEAT_SECONDS)

    beating = asyncio.create_task(beat())
    try:
        with log_context(run=run), as_failures():
            yield
    finally:
        beating.cancel()
