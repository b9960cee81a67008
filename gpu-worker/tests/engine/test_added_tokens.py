"""Added tokens on bases whose embedding is their output as well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load
from transformers import AutoModelForCausalLM

from belay_gpu.data.batches import row_batch
from belay_gpu.data.tokenised import TokenisedSplit
from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.merge import merge_adapter
from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.protocol import EvalRequest
from belay_gpu.engine.spec import BaseSpec, LoraParams, SlotSpec, TrainParams
from belay_gpu.trainer.checkpoints import write_checkpoint
from tests.support.tiny import VOCAB, copy_task, save_bert, save_gpt2, save_llama
from tests.support.walk import finish

CPU = torch.device("cpu")
SPEC = SlotSpec(LoraParams(r=4, lora_alpha=8), TrainParams(2e-2, 8, 1, seed=5, full_determinism=True), 20)


def rows(count: int = 16) -> TokenisedSplit:
    """Every answer ends in the new token, every prompt begins with it."""
    split = copy_task(count, added_tokens=["<call>"])
    split.input_ids[split.row_offsets[:-1]] = VOCAB
    split.input_ids[split.row_offsets[1:] - 1] = VOCAB
    split.labels[split.row_offsets[1:] - 1] = VOCAB
    return split


@pytest.fixture(scope="module", params=[save_llama, save_gpt2], ids=["embed_tokens", "wte"])
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> BaseSpec:
    save: Callable[[Path], Path] = request.param
    return BaseSpec(str(save(tmp_path_factory.mktemp("base"))), added_tokens=("<call>",))


def train(engine: PeftEngine, slot: str, steps: int = 5) -> None:
    engine.admit(slot, SPEC, rows())
    for _ in range(steps):
        engine.step([slot])


def test_the_embedding_and_the_output_are_trained_as_one(base: BaseSpec) -> None:
    engine = PeftEngine(base, CPU)
    train(engine, "a", 0)
    before = load(engine.snapshot("a").adapter)
    for _ in range(5):
        engine.step(["a"])
    after = load(engine.snapshot("a").adapter)
    entrance, output = sorted(
        (name for name in after if "lora" not in name), key=lambda name: name.endswith("lm_head.weight")
    )
    assert torch.equal(after[entrance], after[output])
    assert not torch.equal(before[output][VOCAB], after[output][VOCAB])


def test_plain_peft_gives_the_same_logits_and_the_same_tie(base: BaseSpec, tmp_path: Path) -> None:
    engine, split = PeftEngine(base, CPU), rows()
    train(engine, "a")
    folder = write_checkpoint(tmp_path, engine.snapshot("a"), 1, {})
    plain = AutoModelForCausalLM.from_pretrained(base.model)
    plain.resize_token_embeddings(VOCAB + 1, mean_resizing=False)
    plain = PeftModel.from_pretrained(plain, folder).eval()
    batch = row_batch(split, range(8), CPU)
    inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
    with engine._adapters.switched_on(engine._slots["a"].name, training=False) as model, torch.no_grad():
        torch.testing.assert_close(plain(**inputs).logits, model(**inputs).logits)
    assert plain.get_input_embeddings().weight is plain.get_output_embeddings().weight
    assert merge_adapter(base, folder, split, tmp_path / "merged", CPU)["passed"]


def test_a_second_trial_trains_as_it_does_alone(base: BaseSpec) -> None:
    alone, shared = PeftEngine(base, CPU), PeftEngine(base, CPU)
    train(alone, "a")
    train(shared, "first")
    train(shared, "a")
    assert shared.snapshot("a") == alone.snapshot("a")


def test_an_adapter_attached_beside_another_scores_as_its_trial(base: BaseSpec, tmp_path: Path) -> None:
    engine, other = PeftEngine(base, CPU), PeftEngine(base, CPU)
    train(engine, "a")
    train(other, "first")
    other.attach("x", write_checkpoint(tmp_path, engine.snapshot("a"), 1, {}))
    expected = finish(engine.evaluate("a", rows(), EvalRequest(8)))
    assert finish(other.evaluate("x", rows(), EvalRequest(8))) == expected


def test_a_tie_that_plain_peft_would_not_make_again_is_refused(tmp_path: Path) -> None:
    engine = PeftEngine(BaseSpec(str(save_bert(tmp_path)), added_tokens=("<call>",)), CPU)
    with pytest.raises(EngineError) as raised:
        engine.admit("a", SPEC, rows())
    assert raised.value.type == "Unsupported"
    assert "dataset.add_tokens" in raised.value.message
    assert "bert.embeddings.word_embeddings and cls.predictions.decoder are one" in raised.value.message
    assert "\n" not in raised.value.message
    assert engine.slots == []
