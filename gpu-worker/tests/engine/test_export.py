"""What leaves the engine: adapters that plain PEFT loads elsewhere, canonical bytes, merged folders."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer

from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.merge import merge_adapter
from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.protocol import EvalRequest, GenerationRequest, Snapshot
from belay_gpu.engine.spec import BaseSpec, LoraParams, SlotSpec, TrainParams
from belay_gpu.trainer.checkpoints import read_checkpoint, write_checkpoint
from tests.support.tiny import VOCAB, class_task, copy_task, save_llama
from tests.support.walk import finish

CPU = torch.device("cpu")
SPEC = SlotSpec(LoraParams(r=4, lora_alpha=8), TrainParams(2e-2, 8, 1, seed=5, full_determinism=True), 40)

PLAIN_PEFT = """
import json, sys, torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from peft import PeftModel
torch.set_num_threads(1)
base, adapter, prompts, added = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), json.loads(sys.argv[4])
tokenizer = AutoTokenizer.from_pretrained(base)
model = AutoModelForCausalLM.from_pretrained(base)
if added:
    tokenizer.add_tokens(added)
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
model = PeftModel.from_pretrained(model, adapter).eval()
answers = []
for prompt in prompts:
    ids = tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
    out = model.generate(**ids, max_new_tokens=5, do_sample=False, eos_token_id=1, pad_token_id=0)
    answers.append(tokenizer.decode(out[0, ids["input_ids"].shape[1]:], skip_special_tokens=True).strip())
print(json.dumps(answers))
"""


def train(engine: PeftEngine, data, steps: int = 30, spec: SlotSpec = SPEC) -> Snapshot:
    engine.admit("a", spec, data)
    for _ in range(steps):
        engine.step(["a"])
    return engine.snapshot("a")


@pytest.mark.parametrize(("added", "tied"), [([], True), (["<call>"], True), (["<call>"], False)])
def test_plain_peft_in_a_fresh_process_gives_the_same_answers(
    tmp_path: Path, added: list[str], tied: bool
) -> None:
    llama = save_llama(tmp_path / "base", tied=tied)
    spec = BaseSpec(str(llama), added_tokens=tuple(added))
    engine, held_out = PeftEngine(spec, CPU), copy_task(6, split="test", seed=8)
    rows = copy_task(64, added_tokens=added, end=False)
    if added:
        rows.input_ids[rows.row_offsets[:-1]] = VOCAB  # every prompt begins with the new token
    folder = write_checkpoint(tmp_path, train(engine, rows), 1, {})
    result = finish(engine.evaluate("a", held_out, EvalRequest(3, GenerationRequest(5))))
    arguments = [str(llama), str(folder), json.dumps(held_out.prompts), json.dumps(added)]
    done = subprocess.run(
        [sys.executable, "-c", PLAIN_PEFT, *arguments], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [sample["got"] for sample in result.samples]
    assert len({sample["got"] for sample in result.samples}) > 1


def test_rows_of_added_tokens_are_trained(tmp_path: Path) -> None:
    from safetensors.torch import load

    rows = copy_task(32, added_tokens=["<call>"])
    rows.input_ids[rows.row_offsets[:-1]] = VOCAB
    engine = PeftEngine(BaseSpec(str(save_llama(tmp_path / "base")), added_tokens=("<call>",)), CPU)
    engine.admit("a", SPEC, rows)
    before = load(engine.snapshot("a").adapter)
    for _ in range(5):
        engine.step(["a"])
    after = load(engine.snapshot("a").adapter)
    name = next(key for key in before if "embed_tokens" in key)
    assert before[name].shape[0] == VOCAB + 1
    assert not torch.equal(before[name][VOCAB], after[name][VOCAB])


def test_bytes_are_canonical(tmp_path: Path, llama: Path) -> None:
    named = replace(SPEC, lora=replace(SPEC.lora, target_modules=("v_proj", "q_proj", "down_proj")))
    snapshots = [train(PeftEngine(BaseSpec(str(llama)), CPU), copy_task(16), 3, named) for _ in range(2)]
    assert snapshots[0] == snapshots[1]
    config = json.loads(snapshots[0].adapter_config)
    assert config["target_modules"] == ["down_proj", "q_proj", "v_proj"]
    assert list(config) == sorted(config)
    folder = write_checkpoint(tmp_path, snapshots[0], 1, {})
    for name in ("adapter_model.safetensors", "trainer_state.safetensors"):
        with safe_open(folder / name, framework="numpy") as file:
            assert len(file.metadata() or {}) <= 1
    assert read_checkpoint(folder).adapter == snapshots[0].adapter


def test_the_adapter_has_pefts_own_names(engine: PeftEngine, tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path, train(engine, copy_task(8), 1), 1, {})
    with safe_open(folder / "adapter_model.safetensors", framework="numpy") as file:
        names = set(file.keys())
    assert "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight" in names
    assert not any("slot" in name or "default" in name for name in names)


def test_a_merged_folder_loads_alone_and_answers_the_same(
    llama: Path, engine: PeftEngine, tmp_path: Path
) -> None:
    held_out = copy_task(5, split="test", seed=8)
    folder = write_checkpoint(tmp_path / "c", train(engine, copy_task(64)), 1, {})
    verdict = merge_adapter(BaseSpec(str(llama)), folder, held_out, tmp_path / "merged", CPU)
    assert verdict["passed"]
    assert verdict["maxLogitDifference"] <= verdict["tolerance"] <= 1e-3
    recipe = {"method": "merge_and_unload", "computeDtype": "float32", "dtype": "float32"}
    assert verdict["recipe"] == recipe
    adapter = finish(engine.evaluate("a", held_out, EvalRequest(5, GenerationRequest(5))))
    merged = PeftEngine(BaseSpec(str(tmp_path / "merged")), CPU)
    alone = finish(merged.evaluate(None, held_out, EvalRequest(5, GenerationRequest(5))))
    assert alone.metrics["eval_loss"] == pytest.approx(adapter.metrics["eval_loss"], rel=1e-4)
    assert alone.samples == adapter.samples
    assert len(AutoTokenizer.from_pretrained(tmp_path / "merged")) == VOCAB
    assert not any(
        "lora" in name
        for name, _ in AutoModelForCausalLM.from_pretrained(tmp_path / "merged").named_modules()
    )


def test_a_merge_with_added_tokens_carries_them(tmp_path: Path) -> None:
    base = BaseSpec(str(save_llama(tmp_path / "base")), added_tokens=("<call>",))
    rows = copy_task(16, added_tokens=["<call>"])
    rows.input_ids[rows.row_offsets[:-1]] = VOCAB
    folder = write_checkpoint(tmp_path / "c", train(PeftEngine(base, CPU), rows, 5), 1, {})
    assert merge_adapter(base, folder, rows, tmp_path / "merged", CPU)["passed"]
    assert AutoTokenizer.from_pretrained(tmp_path / "merged").convert_tokens_to_ids("<call>") == VOCAB


def test_a_merged_classifier_keeps_its_head(llama: Path, tmp_path: Path) -> None:
    base = BaseSpec(str(llama), task="sequence_classification", class_names=("c0", "c1", "c2"))
    engine, rows = PeftEngine(base, CPU), class_task(30)
    folder = write_checkpoint(tmp_path / "c", train(engine, rows, 10), 1, {})
    assert merge_adapter(base, folder, rows, tmp_path / "merged", CPU)["passed"]
    merged = PeftEngine(replace(base, model=str(tmp_path / "merged")), CPU)
    expected = finish(engine.evaluate("a", rows, EvalRequest(8))).metrics
    assert finish(merged.evaluate(None, rows, EvalRequest(8))).metrics == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_an_attached_adapter_scores_as_the_slot_it_came_from(
    llama: Path, engine: PeftEngine, tmp_path: Path, dropout: float
) -> None:
    spec = replace(SPEC, lora=replace(SPEC.lora, lora_dropout=dropout))
    folder = write_checkpoint(tmp_path, train(engine, copy_task(32), spec=spec), 1, {})
    expected = finish(engine.evaluate("a", copy_task(8), EvalRequest(4)))
    other = PeftEngine(BaseSpec(str(llama)), CPU)
    other.attach("x", folder)
    assert finish(other.evaluate("x", copy_task(8), EvalRequest(4))) == expected


def test_an_adapter_of_another_base_is_refused(engine: PeftEngine, tmp_path: Path) -> None:
    wide = PeftEngine(BaseSpec(str(save_llama(tmp_path / "wide", hidden=64))), CPU)
    folder = write_checkpoint(tmp_path / "c", train(wide, copy_task(8), 1), 1, {})
    with pytest.raises(EngineError) as raised:
        engine.attach("x", folder)
    assert raised.value.type == "CorruptArtifact"
    assert engine.slots == []
    finish(engine.evaluate(None, copy_task(4), EvalRequest(4)))
