"""Classifiers whose heads are more than one layer: all of it is drawn by the trial, trained and saved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load
from transformers import AutoModelForSequenceClassification

from belay_gpu.data.batches import row_batch
from belay_gpu.data.tokenised import TokenisedSplit
from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.protocol import StepResult
from belay_gpu.engine.spec import BaseSpec, LoraParams, SlotSpec, TrainParams
from belay_gpu.trainer.checkpoints import write_checkpoint
from tests.support.encoders import ENCODERS, save, t5
from tests.support.tiny import EOS, class_task

CPU = torch.device("cpu")
CLASSES = ("c0", "c1", "c2")
SPEC = SlotSpec(LoraParams(r=4, lora_alpha=8), TrainParams(1e-2, 8, 1, seed=5, full_determinism=True), 20)
OTHER = replace(SPEC, train=replace(SPEC.train, seed=6))


def rows(count: int = 16) -> TokenisedSplit:
    """Rows that end as BART's must: each with one token that ends a sequence."""
    split = class_task(count)
    split.input_ids[split.row_offsets[1:] - 1] = EOS
    return split


def spec(folder: Path) -> BaseSpec:
    return BaseSpec(str(folder), task="sequence_classification", class_names=CLASSES)


@pytest.fixture(scope="module", params=ENCODERS)
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> BaseSpec:
    return spec(ENCODERS[request.param](tmp_path_factory.mktemp(request.param)))


def train(engine: PeftEngine, slot: str) -> None:
    engine.admit(slot, SPEC, rows())
    for _ in range(3):
        assert isinstance(engine.step([slot])[slot], StepResult)


def whole(engine: PeftEngine, slot: str) -> dict[str, torch.Tensor]:
    """The matrices that a slot trains whole."""
    weights = load(engine.snapshot(slot).adapter)
    return {name: tensor for name, tensor in weights.items() if "lora" not in name and tensor.ndim > 1}


def test_plain_peft_over_another_draw_of_the_base_gives_the_same_logits(
    base: BaseSpec, tmp_path: Path
) -> None:
    engine = PeftEngine(base, CPU)
    train(engine, "a")
    folder = write_checkpoint(tmp_path, engine.snapshot("a"), 1, {})
    torch.manual_seed(99)
    plain = AutoModelForSequenceClassification.from_pretrained(base.model, num_labels=len(CLASSES))
    plain = PeftModel.from_pretrained(plain, folder).eval()
    batch = row_batch(rows(), range(8), CPU)
    inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
    with engine._adapters.switched_on(engine._slots["a"].name, training=False) as model, torch.no_grad():
        torch.testing.assert_close(plain(**inputs).logits, model(**inputs).logits)


def test_each_trial_draws_every_part_of_its_head(base: BaseSpec) -> None:
    engine, again = PeftEngine(base, CPU), PeftEngine(base, CPU)
    train(engine, "before")
    for slot, of in (("a", SPEC), ("b", OTHER)):
        engine.admit(slot, of, rows())
    again.admit("a", SPEC, rows())
    first, second = whole(engine, "a"), whole(engine, "b")
    assert set(first) == set(second)
    assert not any(torch.equal(first[name], second[name]) for name in first)
    assert again.snapshot("a") == engine.snapshot("a")


def test_what_is_trained_whole_gets_no_adapter_as_well(base: BaseSpec) -> None:
    engine = PeftEngine(base, CPU)
    engine.admit("a", SPEC, rows())
    weights = load(engine.snapshot("a").adapter)
    saved = {name.rpartition(".")[0] for name in whole(engine, "a")}
    assert saved
    assert not any(name.startswith(f"{part}.lora") for name in weights for part in saved)


@pytest.mark.parametrize("beside", [False, True], ids=["the first trial", "beside another"])
def test_a_trial_that_peft_fails_half_way_leaves_the_base_whole(tmp_path: Path, beside: bool) -> None:
    """PEFT takes T5's `wo`, adapted already by then, for a module to save, for its name ends in `o`."""
    folder = spec(save(t5, tmp_path))
    engine, fresh = PeftEngine(folder, CPU), PeftEngine(folder, CPU)
    if beside:
        for each in (engine, fresh):
            each.admit("a", SPEC, rows())
    lora = replace(SPEC.lora, target_modules=("wo",), modules_to_save=("o",))
    before = set(map(id, engine._adapters.base.model.modules()))
    with pytest.raises(EngineError, match="lora: modules_to_save cannot be applied") as raised:
        engine.admit("failed", replace(SPEC, lora=lora), rows())
    assert raised.value.type == "InvalidSpec"
    assert set(map(id, engine._adapters.base.model.modules())) == before
    for each in (engine, fresh):
        each.admit("b", OTHER, rows())
    assert engine.snapshot("b") == fresh.snapshot("b")
    assert engine.slots == fresh.slots
