"""The ML worker as a real process: every skill once, through Temporal, Postgres and the object store."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import optuna
import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from belay_gpu.contracts import ArtifactRef
from belay_gpu.data.tokenised import read_split
from belay_gpu.skills.hpo.mirror import sqlalchemy_url
from belay_gpu.worker.config import StoreConfig
from belay_gpu.worker.store import ObjectStore
from tests.support.postgres import Rows, migrate, new_database, postgres
from tests.support.servers import ROOT, until
from tests.support.words import save_language_model

SPACE = {"learning_rate": {"loguniform": [1e-4, 1e-2]}, "r": {"choice": [4, 8]}}
SEARCH = {"sampler": "tpe", "num_trials": 8, "n_startup_trials": 2, "seed": 7}


@dataclass
class MlWorker:
    process: subprocess.Popen[bytes]
    ready_file: Path
    database: str
    optuna: str


@pytest.fixture(scope="module")
def databases() -> Iterator[tuple[str, str]]:
    with postgres() as server:
        database = new_database(server, "belay")
        migrate(database)
        yield database, new_database(server, "optuna")


@contextmanager
def ml_worker(
    temporal: str, store: StoreConfig, folder: Path, databases: tuple[str, str]
) -> Iterator[MlWorker]:
    ready = folder / "ready.json"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "gpu-worker"),
        "TEMPORAL_ADDRESS": temporal,
        "DATABASE_URL": databases[0],
        "OPTUNA_DATABASE_URL": databases[1],
        "BELAY_S3_ENDPOINT": store.endpoint,
        "BELAY_S3_BUCKET": store.bucket,
        "BELAY_S3_ACCESS_KEY": store.access_key,
        "BELAY_S3_SECRET_KEY": store.secret_key,
        "BELAY_STATE_DIR": str(folder / "state"),
        "BELAY_READY_FILE": str(ready),
        "BELAY_DEVICE": "cpu",
    }
    process = subprocess.Popen([sys.executable, "-m", "belay_gpu.worker", "ml"], env=environment)
    try:
        until(lambda: ready.exists() or process.poll() is not None, "the ML worker")
        assert process.poll() is None, f"the ML worker ended with {process.returncode}"
        yield MlWorker(process, ready, *databases)
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def worker(
    temporal_address: str,
    store_config: StoreConfig,
    tmp_path_factory: pytest.TempPathFactory,
    databases: tuple[str, str],
) -> Iterator[MlWorker]:
    with ml_worker(temporal_address, store_config, tmp_path_factory.mktemp("ml"), databases) as running:
        yield running


@workflow.defn(name="oneSkill", sandboxed=False)
class OneSkill:
    @workflow.run
    async def run(self, name: str, request: dict[str, Any]) -> Any:
        return await workflow.execute_activity(
            name,
            request,
            task_queue="belay-ml",
            start_to_close_timeout=timedelta(minutes=5),
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


async def skill(temporal: str, name: str, request: dict[str, Any]) -> Any:
    client = await Client.connect(temporal)
    queue = f"test-{os.urandom(4).hex()}"
    async with Worker(
        client, task_queue=queue, workflows=[OneSkill], workflow_runner=UnsandboxedWorkflowRunner()
    ):
        return await client.execute_workflow(OneSkill.run, args=[name, request], id=queue, task_queue=queue)


async def refusal(temporal: str, name: str, request: dict[str, Any]) -> ApplicationError:
    with pytest.raises(WorkflowFailureError) as caught:
        await skill(temporal, name, request)
    assert isinstance(caught.value.cause, ActivityError)
    assert isinstance(caught.value.cause.cause, ApplicationError)
    return caught.value.cause.cause


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_language_model(tmp_path_factory.mktemp("model")))


@pytest.fixture
def dataset_request(tmp_path: Path, model: str) -> dict[str, Any]:
    rows = [{"prompt": f"{n * 7919 % 997} olga:", "completion": f" {n * 104729 % 10007}"} for n in range(40)]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {
        "run": "run",
        "task": "causal_lm",
        "model": {"model_name_or_path": model},
        "dataset": {"path": str(file), "cutoff_len": 64},
        "seed": 7,
    }


@pytest.fixture
def malformed(tmp_path: Path) -> str:
    file = tmp_path / "malformed.jsonl"
    file.write_text("{oops\n")
    return str(file)


async def test_data_set_to_search_plan(
    worker: MlWorker,
    temporal_address: str,
    store: ObjectStore,
    dataset_request: dict[str, Any],
    tmp_path: Path,
) -> None:
    summary = await skill(temporal_address, "dataset.analyze", dataset_request)
    assert summary == await skill(temporal_address, "dataset.analyze", dataset_request), "a retry is the same"
    assert summary["rows"] == {"train": 36, "validation": 2, "test": 2}
    for name, ref in summary["tokenised"]["splits"].items():
        store.fetch(ArtifactRef.model_validate_json(json.dumps(ref)), tmp_path / name)
        split = read_split(tmp_path / name)
        assert (split.info.split, split.rows) == (name, summary["rows"][name])
    store.fetch(ArtifactRef.model_validate_json(json.dumps(summary["profile"])), tmp_path / "profile.json")
    assert json.loads((tmp_path / "profile.json").read_text())["format"] == "prompt_completion"
    plan = await skill(
        temporal_address,
        "config.buildSearchSpace",
        {
            "run": "run",
            "task": "causal_lm",
            "model": dataset_request["model"],
            "dataset": summary,
            "train": {"max_steps": 30},
            "lora": {},
            "search": {**SEARCH, "space": SPACE},
            "eval": {},
            "pack": {},
        },
    )
    assert plan["totalSteps"] == 30 and plan["space"] == SPACE


async def test_a_wrong_data_set_is_refused_for_good(
    worker: MlWorker, temporal_address: str, dataset_request: dict[str, Any], malformed: str
) -> None:
    dataset_request["dataset"]["path"] = malformed
    error = await refusal(temporal_address, "dataset.analyze", dataset_request)
    assert (error.type, error.non_retryable) == ("InvalidDataset", True)
    assert error.message.startswith("malformed.jsonl, line 1: not valid JSON")


async def test_ask_tell_and_select(worker: MlWorker, temporal_address: str) -> None:
    rows = Rows(worker.database, "search")
    asked = {
        "run": "search",
        "search": SEARCH,
        "space": SPACE,
        "trials": [0, 1],
        "tellCount": 0,
        "pending": [],
    }
    first = await skill(temporal_address, "hpo.ask", asked)
    for proposal in first["proposals"]:
        trial = proposal["trial"]
        rows.trial(trial, proposal["params"], state="completed", value=1.0 - trial / 10, ordinal=trial)
    second = await skill(temporal_address, "hpo.ask", {**asked, "trials": [2], "tellCount": 2})
    assert [p["modelBased"] for p in (*first["proposals"], *second["proposals"])] == [False, False, True]
    await skill(
        temporal_address, "hpo.tell", {"run": "search", "mode": "min", "space": SPACE, "trials": [0, 1]}
    )
    study = optuna.load_study(study_name="search", storage=sqlalchemy_url(worker.optuna))
    assert [trial.value for trial in study.get_trials()] == [1.0, 0.9]
    best = await skill(
        temporal_address,
        "hpo.selectBest",
        {"run": "search", "metric": "eval_loss", "mode": "min", "replicates": 1},
    )
    assert best["best"] == 1


async def test_tells_that_are_not_there_may_come(worker: MlWorker, temporal_address: str) -> None:
    asked = {"run": "none", "search": SEARCH, "space": SPACE, "trials": [5], "tellCount": 5, "pending": []}
    error = await refusal(temporal_address, "hpo.ask", asked)
    assert (error.type, error.non_retryable) == ("Internal", False)


async def test_compare_reads_both_scorings(
    worker: MlWorker, temporal_address: str, store: ObjectStore
) -> None:
    def scored(hits: int) -> dict[str, Any]:
        examples = [{"loss": 1.0, "tokens": 3, "exact_match": int(n < hits)} for n in range(60)]
        return store.put_blob(json.dumps({"examples": examples}).encode(), "application/json").model_dump(
            by_alias=True
        )

    request = {"base": scored(3), "best": scored(50), "metric": "exact_match", "seed": 7, "resamples": 2000}
    found = await skill(temporal_address, "eval.compare", request)
    assert found["beatsBase"] and found["examples"] == 60 and 0 < found["low"] < found["gain"] < found["high"]


def test_it_stops_when_asked_and_takes_its_ready_file_away(
    temporal_address: str, store_config: StoreConfig, tmp_path: Path, databases: tuple[str, str]
) -> None:
    with ml_worker(temporal_address, store_config, tmp_path, databases) as running:
        ready = json.loads(running.ready_file.read_text())
        assert ready == {"pid": running.process.pid, "name": "ml", "taskQueue": "belay-ml"}
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(60) == 0
        assert not running.ready_file.exists()
