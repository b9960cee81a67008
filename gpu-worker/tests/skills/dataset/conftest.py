from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from belay_gpu.contracts import DatasetAnalyzeInput, DatasetSpec, ModelSpec, Task
from belay_gpu.skills.dataset.analyze import Analysis, analyze
from tests.support.words import CHATML, CHATML_MARKED, save_encoder, save_language_model

Rows = list[dict[str, Any]]
Write = Callable[..., str]
Run = Callable[..., Analysis]

SEED = 11


def pairs(count: int) -> Rows:
    """Distinct prompts and completions that no two rows nearly share."""
    words = ["olga", "bricks", "garden", "coins", "quick", "fox", "lazy", "shed", "five", "jumps"]
    return [
        {
            "prompt": f"{words[n % 10]} {n * 7919 % 1000} to {words[n * 3 % 7]}:",
            "completion": f" {n * 104729 % 10007}",
        }
        for n in range(count)
    ]


def texts(count: int, classes: int = 3) -> Rows:
    return [
        {"text": row["prompt"] + row["completion"], "label": f"c{n % classes}"}
        for n, row in enumerate(pairs(count))
    ]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes rows in the format that the file's ending names; answers with its path."""

    def write_rows(rows: Rows, name: str = "data.jsonl") -> str:
        file = tmp_path / name
        match file.suffix:
            case ".jsonl":
                file.write_text("".join(json.dumps(row) + "\n" for row in rows))
            case ".json":
                file.write_text(json.dumps(rows))
            case ".csv":
                with file.open("w", newline="") as out:
                    writer = csv.DictWriter(out, list(rows[0]))
                    writer.writeheader()
                    writer.writerows(rows)
            case _:
                import pyarrow as pa
                import pyarrow.parquet as pq

                pq.write_table(pa.Table.from_pylist(rows), file)
        return str(file)

    return write_rows


@pytest.fixture(scope="session")
def plain_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_language_model(tmp_path_factory.mktemp("plain")))


@pytest.fixture(scope="session")
def chat_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_language_model(tmp_path_factory.mktemp("chat"), CHATML))


@pytest.fixture(scope="session")
def marked_model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_language_model(tmp_path_factory.mktemp("marked"), CHATML_MARKED))


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_encoder(tmp_path_factory.mktemp("encoder")))


@pytest.fixture
def run(plain_model: str) -> Run:
    """Analyses a data set for a language model; keywords are keys of `dataset`."""

    def analyse(
        path: Any, *, model: str = plain_model, task: Task = "causal_lm", seed: int = SEED, **keys: Any
    ) -> Analysis:
        spec = DatasetSpec.model_validate({"path": path, "cutoff_len": 200, **keys})
        request = DatasetAnalyzeInput(
            run="run", task=task, model=ModelSpec(model_name_or_path=model), dataset=spec, seed=seed
        )
        return analyze(request)

    return analyse
