"""Merging an adapter into its base, and the proof that nothing was lost on the way."""

from __future__ import annotations

import gc
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import PretrainedConfig

from belay_gpu.data.batches import Batch, row_batch
from belay_gpu.data.tokenised import TokenisedSplit
from belay_gpu.engine.base_model import DTYPES, load_base
from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.spec import BaseSpec

ROWS = 16
# Largest difference of a logit that rounding explains, as a share of the largest logit, by the type written.
RELATIVE_TOLERANCE = {torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}


def merge_adapter(
    base: BaseSpec, adapter: Path, rows: TokenisedSplit, output: Path, device: torch.device
) -> dict[str, Any]:
    """Writes a model folder that `transformers` loads, tokenizer included.

    The sum is done in fp32 on the unquantised base (a merge into 4 bits would round the adapter away) and
    written in the base's own type. What is checked is the folder, loaded again: its logits against those of
    base plus adapter.

    Returns:
        maxLogitDifference, tolerance, passed, rows.

    Raises:
        EngineError: as `load_base`; CorruptArtifact for an adapter that does not fit.
    """
    whole = replace(base, load_in_4bit=False)
    loaded = load_base(whole, device, dtype=torch.float32)
    written = _stored_dtype(whole)
    batch = row_batch(rows, list(range(min(ROWS, rows.rows))), device)
    try:
        peft = PeftModel.from_pretrained(loaded.model, str(adapter))
    except (OSError, KeyError, ValueError, RuntimeError, TypeError) as error:
        raise EngineError("CorruptArtifact", f"adapter does not fit its base: {error}") from error
    expected = _logits(peft.eval(), batch)
    merged: Any = peft.merge_and_unload(safe_merge=True)  # type: ignore[operator]
    merged.to(written).save_pretrained(output)
    if loaded.tokenizer is not None:
        loaded.tokenizer.save_pretrained(output)
    del peft, merged, loaded
    gc.collect()
    again = load_base(
        replace(whole, model=str(output), revision=None, added_tokens=()), device, dtype=torch.float32
    )
    got = _logits(again.model, batch)
    difference = float((got - expected).abs().max())
    tolerance = RELATIVE_TOLERANCE[written] * max(1.0, float(expected.abs().max()))
    return {
        "maxLogitDifference": difference,
        "tolerance": tolerance,
        "passed": difference <= tolerance,
        "rows": int(batch.input_ids.shape[0]),
    }


@torch.no_grad()
def _logits(model: Any, batch: Batch) -> torch.Tensor:
    """Logits at real tokens; padding positions mean nothing and may differ."""
    logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits.float()
    if batch.class_ids is not None:
        return logits
    assert batch.attention_mask is not None
    return logits[batch.attention_mask.bool()]


def _stored_dtype(base: BaseSpec) -> torch.dtype:
    """The type of the base's own files, so that a merged folder is as large as its base.

    Read from config.json in the folder or on the hub: the model in memory has the type it was loaded in.
    """
    values, _ = PretrainedConfig.get_config_dict(base.model, revision=base.revision)
    named = str(values.get("dtype") or values.get("torch_dtype")).removeprefix("torch.")
    return DTYPES.get(named, torch.float32)
