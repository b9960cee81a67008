"""Signs of life from inside a long turn: there are some as long as it gets on, and none when it does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants

from belay_gpu.engine.base_model import load_base
from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.spec import BaseSpec
from belay_gpu.trainer import jobs
from belay_gpu.trainer.bases import Bases
from belay_gpu.trainer.commands import MergeOrder
from belay_gpu.trainer.signs import Growth, while_loading
from belay_gpu.trainer.spool import Spool
from tests.support.servers import until
from tests.trainer.harness import Bench, put, trainer, turn_until_done

CPU = torch.device("cpu")


def test_a_base_that_comes_slowly_keeps_its_trainer_alive(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(jobs, "SIGN_SECONDS", 0.0)
    service = trainer(tmp_path / "spool")
    spool, draft = service.resources.spool, tmp_path / "hub" / "models--some--base" / "blobs" / "x.incomplete"

    def build(base: BaseSpec, device: torch.device) -> PeftEngine:
        draft.parent.mkdir(parents=True)
        before = spool.turn()
        with draft.open("ab", buffering=0) as file:
            until(lambda: file.write(b"more") and spool.turn() != before, "a sign of life from inside")
        return PeftEngine(bench.base, device)

    service.resources.bases = Bases(CPU, build)
    put(service, bench.train_order("a", base=replace(bench.base, model="some/base"), target_step=1))
    [result] = turn_until_done(service, "a")
    assert result["ok"], result


def test_what_does_not_grow_gives_no_sign(tmp_path: Path) -> None:
    growth = Growth(tmp_path / "base")
    assert not growth.look(), "nothing is there yet"
    (tmp_path / "base" / "blobs").mkdir(parents=True)
    draft = tmp_path / "base" / "blobs" / "x.incomplete"
    draft.write_bytes(b"1")
    assert growth.look()
    assert not growth.look()
    draft.rename(draft.with_name("x"))
    assert not growth.look()


def test_a_draft_that_has_its_whole_length_at_once_grows_as_it_is_filled(tmp_path: Path) -> None:
    draft = tmp_path / "x.incomplete"
    with draft.open("wb", buffering=0) as file:
        file.truncate(1 << 30)
        growth = Growth(tmp_path)
        file.write(b"1" * 8192)
        assert growth.look()


def test_each_weight_that_is_loaded_and_each_file_that_is_written_is_a_sign(
    bench: Bench, tmp_path: Path
) -> None:
    signs: list[int] = []
    with while_loading(bench.base, lambda: signs.append(1)):
        model = load_base(bench.base, CPU).model
        assert len(signs) > 10
        before = len(signs)
        model.save_pretrained(tmp_path / "copy")
        assert len(signs) > before
    before = len(signs)
    load_base(bench.base, CPU)
    assert len(signs) == before


def test_a_merge_is_one_turn_with_many_signs(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = trainer(tmp_path / "spool")
    put(service, bench.train_order("a", target_step=1))
    adapter = turn_until_done(service, "a")[0]["output"]["checkpoint"]["folder"]
    order = MergeOrder(
        "m", "run", "run/m", 1, bench.base, adapter, str(bench.validation), str(tmp_path / "m")
    )
    put(service, order)
    monkeypatch.setattr(jobs, "SIGN_SECONDS", 0.0)
    signs: list[Spool] = []
    monkeypatch.setattr(Spool, "write_turn", lambda spool: signs.append(spool))
    service.turn()
    assert service.resources.spool.result("m") is not None
    assert len(signs) > 20
