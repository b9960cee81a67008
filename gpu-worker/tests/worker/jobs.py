"""Inputs of an engine's activities over a tiny base, as JSON on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from belay_gpu.data.tokenised import TokenisedSplit, encode_split
from belay_gpu.worker.store import ObjectStore
from tests.support.tiny import copy_task, save_llama


@dataclass(frozen=True)
class Inputs:
    """`run` is a name of its own, so that tests share servers without meeting each other."""

    run: str
    base: Path
    dataset: dict[str, Any]

    @property
    def model(self) -> dict[str, Any]:
        return {"model_name_or_path": str(self.base)}

    def training(
        self, *, target: int = 30, total: int = 30, save: int = 10, park: float = 0, **train: Any
    ) -> dict[str, Any]:
        settings = {
            "learning_rate": 1e-2,
            "per_device_train_batch_size": 4,
            "gradient_accumulation_steps": 1,
            "full_determinism": True,
            "seed": 3,
        }
        return {
            "trial": 0,
            "task": "causal_lm",
            "model": self.model,
            "dataset": self.dataset,
            "config": {"train": {**settings, **train}, "lora": {"r": 4, "lora_alpha": 8.0}},
            "eval": {"eval_steps": save, "metrics": ["eval_loss"]},
            "save": {"save_steps": save},
            "targetStep": target,
            "totalSteps": total,
            "parkSeconds": park,
        }

    def evaluation(self, checkpoint: dict[str, Any] | None, split: str = "test") -> dict[str, Any]:
        return {
            "label": "base" if checkpoint is None else "trial-0",
            "task": "causal_lm",
            "model": self.model,
            "dataset": self.dataset,
            "checkpoint": checkpoint,
            "split": split,
            "metrics": ["eval_loss", "exact_match"],
            "eval": {"eval_steps": 10, "generation": {"max_new_tokens": 4}},
        }

    def merge(self, checkpoint: dict[str, Any]) -> dict[str, Any]:
        return {"task": "causal_lm", "model": self.model, "dataset": self.dataset, "checkpoint": checkpoint}


def make_inputs(store: ObjectStore, folder: Path, run: str) -> Inputs:
    def put(split: TokenisedSplit) -> dict[str, Any]:
        return store.put_blob(encode_split(split), "application/vnd.safetensors").model_dump(by_alias=True)

    splits = {
        "train": put(copy_task(30)),
        "validation": put(copy_task(8, split="validation", seed=2)),
        "test": put(copy_task(8, split="test", seed=3)),
    }
    base = folder / "base"
    if not base.exists():
        save_llama(base)
    return Inputs(run, base, {"splits": splits, "sha256": "0" * 64, "classNames": None})
