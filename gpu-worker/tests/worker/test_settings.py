"""Settings, logs and the ready file: what a person or a supervisor sees of a worker."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from belay_gpu.logs import JsonLines, log_context
from belay_gpu.worker.config import ConfigError, gpu_config, ml_config
from belay_gpu.worker.ready import remove_ready_file, write_ready_file
from tests.support.servers import ROOT, free_port

COMPLETE = {
    "TEMPORAL_ADDRESS": "127.0.0.1:7233",
    "BELAY_S3_ENDPOINT": "http://127.0.0.1:9000",
    "BELAY_S3_ACCESS_KEY": "key",
    "BELAY_S3_SECRET_KEY": "secret",
    "BELAY_STATE_DIR": "state",
}


def test_defaults() -> None:
    config = gpu_config(COMPLETE)
    assert (config.device, config.slots, config.eval_slots) == ("auto", 1, 1)
    assert (config.temporal_namespace, config.store.bucket) == ("default", "belay")
    assert config.silence_seconds == 1800
    assert config.ready_file is None
    assert config.otlp_endpoint is None
    assert config.state_dir.is_absolute()
    assert not hasattr(config, "database_url"), "the GPU worker must not know of the database"


@pytest.mark.parametrize("name", sorted(COMPLETE))
def test_a_missing_setting_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name} is not set"):
        gpu_config({key: value for key, value in COMPLETE.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("BELAY_SLOTS", "0", "whole number of at least 1"),
        ("BELAY_SLOTS", "two", "whole number of at least 1"),
        ("BELAY_TRAINER_SILENCE_SECONDS", "0.5", "whole number of at least 1"),
        ("BELAY_DEVICE", "tpu", "auto, cpu, cuda or cuda:N"),
        ("BELAY_DEVICE", "cuda:x", "auto, cpu, cuda or cuda:N"),
        ("BELAY_S3_ENDPOINT", "127.0.0.1:9000", "http://host:port"),
    ],
)
def test_a_wrong_setting_is_named_with_what_would_be_right(name: str, value: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}={value}: expected .*{message}"):
        gpu_config({**COMPLETE, name: value})


def test_the_ml_worker_needs_the_database() -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL"):
        ml_config(COMPLETE)
    assert ml_config({**COMPLETE, "DATABASE_URL": "postgres://x"}).database_url == "postgres://x"


def test_the_command_says_what_is_missing_and_exits_with_three() -> None:
    environment = {"PYTHONPATH": str(ROOT / "gpu-worker"), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-m", "belay_gpu.worker", "gpu"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert done.stderr.strip() == (
        "belay gpu worker: TEMPORAL_ADDRESS is not set: it must hold the Temporal Service's host:port"
    )


def test_log_lines_are_json_with_the_run_and_its_errors() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("belay_gpu.test")
    logger.addHandler(handler)
    try:
        with log_context(run="r1", subject="r1/trial-2"):
            logger.warning("two\nlines", extra={"fields": {"step": 3}})
        try:
            raise ValueError("oops")
        except ValueError:
            logger.exception("failed")
    finally:
        logger.removeHandler(handler)
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert first["msg"] == "two\nlines"
    assert (first["run"], first["subject"], first["step"], first["level"]) == (
        "r1",
        "r1/trial-2",
        3,
        "warning",
    )
    assert first["trial"] == 2
    assert "run" not in second
    assert "oops" in second["error"]


@pytest.mark.parametrize(
    ("workflow", "about"),
    [("r1/trial-2", {"run": "r1", "trial": 2}), ("r1", {"run": "r1"})],
    ids=["a trial", "an experiment"],
)
def test_what_the_sdk_logs_of_an_activity_names_its_run_and_trial(
    workflow: str, about: dict[str, object]
) -> None:
    record = logging.LogRecord("temporalio.activity", logging.WARNING, "", 0, "failed", None, None)
    record.temporal_activity = {"workflow_id": workflow, "activity_type": "eval.run", "attempt": 3}
    line = json.loads(JsonLines().format(record))
    assert {key: line[key] for key in about} == about
    assert (line["activity"], line["attempt"]) == ("eval.run", 3)


def test_warnings_become_log_lines() -> None:
    script = "from belay_gpu.logs import setup_logs; setup_logs(); import warnings; warnings.warn('careful')"
    environment = {"PYTHONPATH": str(ROOT / "gpu-worker"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    [line] = done.stderr.splitlines()
    assert "careful" in json.loads(line)["msg"]


def test_the_ready_file_appears_whole_and_goes(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ready.json"
    write_ready_file(path, "gpu", "belay-gpu")
    assert set(json.loads(path.read_text())) == {"pid", "name", "taskQueue"}
    assert list(path.parent.iterdir()) == [path]
    remove_ready_file(path)
    remove_ready_file(path)
    assert not path.exists()
    write_ready_file(None, "gpu", "belay-gpu")


def test_a_hub_that_does_not_answer_is_said_so() -> None:
    script = (
        "from pathlib import Path; from belay_gpu.worker.hub import _upload\n"
        "from belay_gpu.engine.errors import EngineError\n"
        "try: _upload('token', 'someone/adapter', Path('.'))\n"
        "except EngineError as error: print(error.type, '|', error.message)"
    )
    environment = {
        "PYTHONPATH": str(ROOT / "gpu-worker"),
        "PATH": "/usr/bin:/bin",
        "HF_ENDPOINT": f"http://127.0.0.1:{free_port()}",
    }
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("StorageUnavailable | the hub does not answer")
