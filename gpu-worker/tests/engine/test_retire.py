"""What a trial leaves behind in the base that it shared: nothing, whatever it trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from transformers import LlamaForSequenceClassification

from belay_gpu.data.tokenised import TokenisedSplit
from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.protocol import EvalRequest, EvalResult, Snapshot, StepResult
from belay_gpu.engine.spec import BaseSpec, LoraParams, SlotSpec, TrainParams
from belay_gpu.trainer.checkpoints import write_checkpoint
from tests.support.tiny import VOCAB, class_task, copy_task, save_bert, save_gpt2, save_llama
from tests.support.walk import finish

CPU = torch.device("cpu")
SPEC = SlotSpec(LoraParams(r=4, lora_alpha=8), TrainParams(5e-2, 8, 1, seed=5, full_determinism=True), 20)
CLASSES = ("c0", "c1", "c2")


@dataclass(frozen=True)
class Case:
    """A base and a trial that trains more than A and B."""

    base: BaseSpec
    rows: TokenisedSplit
    spec: SlotSpec = SPEC

    def engine(self) -> PeftEngine:
        return PeftEngine(self.base, CPU)


def added(folder: Path) -> Case:
    rows = copy_task(16, added_tokens=["<call>"])
    rows.input_ids[rows.row_offsets[:-1]] = VOCAB  # every prompt begins with the new token
    return Case(BaseSpec(str(folder), added_tokens=("<call>",)), rows)


def classifier(folder: Path) -> Case:
    return Case(BaseSpec(str(folder), task="sequence_classification", class_names=CLASSES), class_task(16))


def with_head(folder: Path) -> Path:
    """A Llama whose files hold the head of a classifier."""
    bare = save_llama(folder)
    LlamaForSequenceClassification.from_pretrained(bare, num_labels=len(CLASSES)).save_pretrained(folder)
    return folder


def saving(folder: Path, *names: str) -> Case:
    spec = replace(SPEC, lora=replace(SPEC.lora, modules_to_save=names))
    return Case(BaseSpec(str(folder)), copy_task(16), spec)


CASES: dict[str, Callable[[Path], Case]] = {
    "a new head": lambda folder: classifier(save_bert(folder)),
    "a head from files": lambda folder: classifier(with_head(folder)),
    "added tokens, tied": lambda folder: added(save_llama(folder)),
    "added tokens, untied": lambda folder: added(save_llama(folder, tied=False)),
    "added tokens, tied, wte": lambda folder: added(save_gpt2(folder)),
    "a module to save": lambda folder: saving(save_llama(folder, tied=False), "lm_head", "norm"),
}


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return CASES[request.param](tmp_path_factory.mktemp("base"))


def seen(engine: PeftEngine, case: Case) -> tuple[EvalResult, str, Snapshot]:
    """The base's scores, and the first weights of the next trial."""
    base = finish(engine.evaluate(None, case.rows, EvalRequest(8)))
    info = engine.admit("next", replace(case.spec, train=replace(SPEC.train, seed=9)), case.rows)
    return base, info.init_sha256, engine.snapshot("next")


def trained(engine: PeftEngine, slot: str, case: Case, seed: int) -> None:
    engine.admit(slot, replace(case.spec, train=replace(SPEC.train, seed=seed)), case.rows)
    for _ in range(3):
        result = engine.step([slot])[slot]
        assert isinstance(result, StepResult)
        assert not result.diverged


@pytest.mark.parametrize("leaving", ["a", "ab", "ba"])
def test_a_trained_trial_leaves_nothing_in_the_base(case: Case, leaving: str) -> None:
    used = case.engine()
    for seed, slot in enumerate(sorted(leaving)):
        trained(used, slot, case, seed)
    for slot in leaving:
        used.retire(slot)
    assert seen(used, case) == seen(case.engine(), case)


def test_an_attached_adapter_leaves_nothing_in_the_base(case: Case, tmp_path: Path) -> None:
    source, used = case.engine(), case.engine()
    trained(source, "a", case, 1)
    used.attach("x", write_checkpoint(tmp_path, source.snapshot("a"), 1, {}))
    finish(used.evaluate("x", case.rows, EvalRequest(8)))
    used.retire("x")
    assert seen(used, case) == seen(case.engine(), case)


def test_a_retired_base_is_made_of_the_layers_that_it_was_loaded_with(case: Case) -> None:
    engine = case.engine()
    model = engine._adapters.base.model
    before = {name: id(module) for name, module in model.named_modules()}
    trained(engine, "a", case, 1)
    engine.retire("a")
    assert {name: id(module) for name, module in model.named_modules()} == before
    assert not any(parameter.requires_grad for parameter in model.parameters())
