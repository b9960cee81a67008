"""Adapters as skill and engine make them, for tests in TypeScript: `python -m tests.support.exported OUT`.

A trained one per case, `OUT/<case>/{base,tokenizer,checkpoint}` with `OUT/<case>/answers.json`, and untrained
ones of every shape, `OUT/shapes/<shape>/checkpoint`.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import torch

from belay_gpu.contracts import DatasetAnalyzeInput, DatasetSpec, ModelSpec
from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.protocol import EvalRequest, GenerationRequest
from belay_gpu.engine.spec import BaseSpec, LoraParams, SlotSpec, TrainParams
from belay_gpu.skills.dataset.analyze import Analysis, analyze
from belay_gpu.trainer.checkpoints import write_checkpoint
from tests.support.tiny import WORDS, class_task, copy_task, save_llama
from tests.support.walk import finish

CPU = torch.device("cpu")
CALL = "<call>"
STEPS = 40
SHAPES = {
    "rank4": LoraParams(r=4, lora_alpha=8),
    "rank24": LoraParams(r=24, lora_alpha=24, target_modules=("q_proj", "down_proj")),
    "rslora": LoraParams(r=8, lora_alpha=8, use_rslora=True),
    "dora": LoraParams(r=8, lora_alpha=8, use_dora=True),
    "head": LoraParams(r=8, lora_alpha=8, modules_to_save=("lm_head",)),
}


def trained(folder: Path, added: list[str], tied: bool) -> None:
    """Takes a data set through the skill, trains on it, and answers its test rows."""
    base = str(save_llama(folder / "base", tied=tied))
    found = _analysed(folder, base, added)
    for path, data in found.tokenizer_files.items():
        file = folder / "tokenizer" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    engine = PeftEngine(BaseSpec(base, added_tokens=tuple(added)), CPU)
    spec = SlotSpec(LoraParams(r=4, lora_alpha=8), TrainParams(2e-2, 8, 1, seed=5), STEPS)
    engine.admit("a", spec, found.splits["train"])
    for _ in range(STEPS):
        engine.step(["a"])
    write_checkpoint(folder, engine.snapshot("a"), 1, {}).rename(folder / "checkpoint")
    result = finish(engine.evaluate("a", found.splits["test"], EvalRequest(4, GenerationRequest(5))))
    (folder / "answers.json").write_text(json.dumps(result.samples))


def _analysed(folder: Path, base: str, added: list[str]) -> Analysis:
    """Three words and a key, which says what the answer is; added tokens are keys."""
    draw, keys = random.Random(3), [*added, *WORDS][:4]
    rows: list[dict[str, str]] = []
    for _ in range(80):
        words, key = draw.sample(WORDS[20:], 3), draw.randrange(4)
        phrase = " ".join(WORDS[4 + 4 * key : 8 + 4 * key])
        rows.append({"prompt": " ".join([*words, keys[key], ""]), "completion": phrase})
    file = folder / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    dataset = DatasetSpec(path=str(file), cutoff_len=32, test_set_size=0.1, add_tokens=added)
    model = ModelSpec(model_name_or_path=base)
    return analyze(DatasetAnalyzeInput(run="run", task="causal_lm", model=model, dataset=dataset, seed=7))


def shapes(folder: Path) -> None:
    """Adapters that were never trained."""
    llama = str(save_llama(folder / "base", tied=False))
    base = BaseSpec(llama)
    for name, lora in SHAPES.items():
        _untrained(folder / name, base, lora)
    _untrained(folder / "added", BaseSpec(llama, added_tokens=(CALL,)), SHAPES["rank4"])
    classifier = BaseSpec(llama, task="sequence_classification", class_names=("c0", "c1", "c2"))
    _untrained(folder / "classifier", classifier, SHAPES["rank4"])


def _untrained(folder: Path, base: BaseSpec, lora: LoraParams) -> None:
    engine = PeftEngine(base, CPU)
    rows = class_task(8) if base.task == "sequence_classification" else copy_task(8)
    engine.admit("a", SlotSpec(lora, TrainParams(1e-3), STEPS), rows)
    write_checkpoint(folder, engine.snapshot("a"), 1, {}).rename(folder / "checkpoint")


if __name__ == "__main__":
    torch.set_num_threads(1)
    out = Path(sys.argv[1])
    trained(out / "plain", [], tied=True)
    trained(out / "added", [CALL], tied=True)
    trained(out / "added-untied", [CALL], tied=False)
    shapes(out / "shapes")
