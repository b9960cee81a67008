"""Which token a classifier takes its answer from: the last of the row, however wide the batch is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.protocol import EvalRequest
from belay_gpu.engine.spec import BaseSpec
from tests.support.tiny import EOS, PAD, class_task, save_llama
from tests.support.walk import finish


@pytest.mark.parametrize(
    ("tokens", "padding"),
    [({"pad_token": None}, EOS), ({"pad_token": "w5"}, 7), ({"pad_token": None, "eos_token": None}, 0)],
    ids=["no padding token", "another one than the config's", "neither that nor an end"],
)
@pytest.mark.parametrize("configured", [PAD, 3, None])
def test_scores_do_not_depend_on_the_width_of_the_batch(
    tmp_path: Path, tokens: dict[str, str | None], padding: int, configured: int | None
) -> None:
    folder = save_llama(tmp_path)
    for name, changes in (("tokenizer_config.json", tokens), ("config.json", {"pad_token_id": configured})):
        values = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps({**values, **changes}))
    base = BaseSpec(str(folder), task="sequence_classification", class_names=("c0", "c1", "c2"))
    rows = class_task(12)
    rows.input_ids[rows.input_ids == padding] = padding + 1
    rows = replace(rows, info=replace(rows.info, pad_token_id=padding))
    engine = PeftEngine(base, torch.device("cpu"))
    assert len(set(rows.lengths.tolist())) > 1
    alone, together = (finish(engine.evaluate(None, rows, EvalRequest(size))) for size in (1, 12))
    assert [example["loss"] for example in together.examples] == pytest.approx(
        [example["loss"] for example in alone.examples], rel=1e-5
    )
