"""Serves every activity of the Python workers with an empty body, on all their queues, in one process."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from pathlib import Path

import psycopg
from temporalio import activity
from temporalio.worker import Worker

from belay_gpu.contracts import (
    ArtifactRef,
    AskInput,
    AskOutput,
    BuildSearchSpaceInput,
    CheckpointRef,
    CompareInput,
    CompareOutput,
    DatasetAnalyzeInput,
    DatasetSummary,
    EvalInput,
    EvalOutput,
    Proposal,
    SearchPlan,
    SearchPlanMemory,
    SearchPlanTrainableParams,
    SeatGrant,
    SeatRelease,
    SeatRequest,
    SelectBestInput,
    SelectBestOutput,
    TaskQueues,
    TellInput,
    TokenisedDataset,
    TrainingInput,
    TrainingOutput,
    engine_queue,
)
from belay_gpu.contracts.models import DatasetSummaryRows, SelectBestOutputRanking
from belay_gpu.worker.config import ml_config
from belay_gpu.worker.telemetry import connect

ENGINE = "bench"
ZEROS = "0" * 64
OBJECT = ArtifactRef(
    uri=f"s3://belay/objects/sha256/{ZEROS}", sha256=ZEROS, size_bytes=0, media_type="application/json"
)


def objective(learning_rate: float) -> float:
    return abs(learning_rate - 0.01)


@activity.defn(name="dataset.analyze")
async def analyze(_: DatasetAnalyzeInput) -> DatasetSummary:
    splits = {"train": OBJECT, "validation": OBJECT, "test": OBJECT}
    return DatasetSummary(
        profile=OBJECT,
        tokenised=TokenisedDataset(splits=splits, sha256=ZEROS, class_names=None),
        rows=DatasetSummaryRows(train=1, validation=1, test=1),
        format="prompt_completion",
        dataset_sha256=ZEROS,
        split_sha256=ZEROS,
        tokenizer_sha256=ZEROS,
        template_sha256=None,
        label_tokens=1,
        max_length=1,
        warnings=[],
    )


@activity.defn(name="config.buildSearchSpace")
async def build_search_space(task: BuildSearchSpaceInput) -> SearchPlan:
    assert not isinstance(task.search.space, str)
    return SearchPlan(
        space=task.search.space,
        proposed=False,
        reasons={},
        adapted=[],
        skipped=[],
        base_params=1,
        trainable_params=SearchPlanTrainableParams(min=1, max=1),
        memory=SearchPlanMemory(
            base_bytes=0, trial_bytes=0, activation_bytes=0, total_bytes=0, device_bytes=None
        ),
        total_steps=1,
        warnings=[],
    )


@activity.defn(name="hpo.ask")
async def ask(task: AskInput) -> AskOutput:
    proposals = [
        Proposal(
            trial=trial,
            params={"learning_rate": random.Random(trial).uniform(1e-4, 1e-1)},
            model_based=False,
        )
        for trial in task.trials
    ]
    return AskOutput(proposals=proposals, exhausted=False)


@activity.defn(name="hpo.tell")
async def tell(_: TellInput) -> None:
    return None


@activity.defn(name="hpo.selectBest")
async def select_best(task: SelectBestInput) -> SelectBestOutput:
    """Not empty, once per run: a run ends well only when it names a winner that it knows."""
    query = "SELECT trial, value FROM trials WHERE run = %s ORDER BY value, trial LIMIT 1"
    async with await psycopg.AsyncConnection.connect(os.environ["DATABASE_URL"]) as connection:
        row = await (await connection.execute(query, [task.run])).fetchone()
    assert row is not None
    ranking = [SelectBestOutputRanking(trial=row[0], value=row[1], trainable_params=1)]
    return SelectBestOutput(best=row[0], reason="lowest value", ranking=ranking)


@activity.defn(name="eval.compare")
async def compare(task: CompareInput) -> CompareOutput:
    return CompareOutput(
        metric=task.metric, base=0, best=0, gain=0, low=0, high=0, beats_base=False, examples=1, resamples=1
    )


@activity.defn(name="gpu.acquireSeat")
async def acquire_seat(task: SeatRequest) -> SeatGrant:
    return SeatGrant(engine_id=ENGINE, task_queue=engine_queue(ENGINE), seat_id=task.subject, device="none")


@activity.defn(name="gpu.releaseSeat")
async def release_seat(_: SeatRelease) -> None:
    return None


@activity.defn(name="training.run")
async def train(task: TrainingInput) -> TrainingOutput:
    loss = objective(task.config.train.learning_rate)
    return TrainingOutput(
        status="reached",
        step=task.target_step,
        metrics={"eval_loss": loss},
        checkpoint=CheckpointRef(manifest=OBJECT, step=task.target_step, epoch=task.job.epoch),
        adapter_sha256=ZEROS,
        init_sha256=ZEROS,
        resumed_from_step=0,
        trainable_params=1,
        gpu_seconds=0,
        label_tokens=1,
        wal_segments=[],
    )


@activity.defn(name="eval.run")
async def evaluate(_: EvalInput) -> EvalOutput:
    return EvalOutput(
        metrics={"eval_loss": 1.0},
        metrics_json=OBJECT,
        per_example=OBJECT,
        samples=[],
        baselines=None,
        gpu_seconds=0,
        examples=1,
    )


async def main() -> None:
    config = ml_config()
    client = await connect(config, "bench-noop")
    served = {
        TaskQueues.ML: [analyze, build_search_space, ask, tell, select_best, compare],
        TaskQueues.GPU_POOL: [acquire_seat],
        engine_queue(ENGINE): [train, evaluate, release_seat],
    }
    workers = [Worker(client, task_queue=queue, activities=bodies) for queue, bodies in served.items()]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    running = [asyncio.create_task(worker.run()) for worker in workers]
    ready = Path(os.environ["BELAY_READY_FILE"])
    draft = ready.with_suffix(".draft")
    draft.write_text(json.dumps({"pid": os.getpid(), "name": "bench-noop", "taskQueue": TaskQueues.ML}))
    draft.replace(ready)
    await stop.wait()
    await asyncio.gather(*(worker.shutdown() for worker in workers))
    await asyncio.gather(*running)


if __name__ == "__main__":
    asyncio.run(main())
