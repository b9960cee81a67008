"""Merging an adapter into its base, and the proof that nothing was lost on the way."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import PretrainedConfig, PreTrainedModel

from belay_gpu.data.batches import Batch, row_batch
from belay_gpu.data.tokenised import TokenisedSplit
from belay_gpu.engine.base_model import DTYPES, load_base
from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.loss import class_logits, logits_at, pass_tokens
from belay_gpu.engine.passes import BODY_BYTES, HEAD_BYTES, rows_that_fit
from belay_gpu.engine.spec import BaseSpec

CPU = torch.device("cpu")

ROWS = 16
# Of each row: the tokens that it is cut to, and the last positions of those whose logits are compared.
TOKENS = 512
PLACES = 64
# Largest difference of a logit that rounding explains, as a share of the largest logit, by the type written.
RELATIVE_TOLERANCE = {torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}


def merge_adapter(
    base: BaseSpec,
    adapter: Path,
    rows: TokenisedSplit,
    output: Path,
    device: torch.device,
    alive: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Writes a model folder that `transformers` loads, tokenizer included.

    The sum is done in fp32 on the unquantised base (a merge into 4 bits would round the adapter away) and
    written in the base's own type. What is checked is the folder, loaded again: its logits against those of
    base plus adapter.

    Args:
        base: what the adapter was trained on.
        adapter: folder in PEFT's layout.
        rows: what the check passes through both; the first `ROWS`.
        output: the folder to write.
        device: where to compute, if there is room beside what it holds already; else on the CPU.
        alive: called after each part of the work.

    Returns:
        maxLogitDifference, tolerance, passed, rows, recipe {method, computeDtype, dtype}.

    Raises:
        EngineError: as `load_base`; CorruptArtifact for an adapter that does not fit.
    """
    whole = replace(base, load_in_4bit=False)
    loaded = load_base(whole, CPU, dtype=torch.float32)
    alive()
    device = device if fits(loaded.model, device) else CPU
    loaded.model.to(device)  # type: ignore[arg-type]
    written = _stored_dtype(whole)
    try:
        peft = PeftModel.from_pretrained(loaded.model, str(adapter))
    except (OSError, KeyError, ValueError, RuntimeError, TypeError) as error:
        raise EngineError("CorruptArtifact", f"adapter does not fit its base: {error}") from error
    expected = _logits(peft.eval().get_base_model(), rows, alive)  # type: ignore[arg-type]
    merged: Any = peft.merge_and_unload(safe_merge=True)  # type: ignore[operator]
    alive()
    merged.to(written).save_pretrained(output)
    alive()
    if loaded.tokenizer is not None:
        loaded.tokenizer.save_pretrained(output)
    del peft, merged, loaded
    gc.collect()
    again = load_base(
        replace(whole, model=str(output), revision=None, added_tokens=()), device, dtype=torch.float32
    )
    alive()
    got = _logits(again.model, rows, alive)
    difference = float((got - expected).abs().max())
    tolerance = RELATIVE_TOLERANCE[written] * max(1.0, float(expected.abs().max()))
    return {
        "maxLogitDifference": difference,
        "tolerance": tolerance,
        "passed": difference <= tolerance,
        "rows": min(ROWS, rows.rows),
        "recipe": {
            "method": "merge_and_unload",
            "computeDtype": "float32",
            "dtype": str(written).removeprefix("torch."),
        },
    }


def fits(model: PreTrainedModel, device: torch.device) -> bool:
    """Whether the device has room for the model and for a pass through it, beside what is in use there."""
    if device.type != "cuda":
        return True
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info(device)
    weights = sum(parameter.nbytes for parameter in model.parameters())
    return weights + BODY_BYTES + HEAD_BYTES <= free


@torch.no_grad()
def _logits(model: PreTrainedModel, rows: TokenisedSplit, alive: Callable[[], object]) -> torch.Tensor:
    """What is compared of the first rows, on the CPU: logits [n, vocabulary] at the last real tokens of each
    (padding means nothing and may differ), or [rows, classes].
    """
    ordered = sorted(range(min(ROWS, rows.rows)), key=lambda row: (int(rows.lengths[row]), row))
    parts: list[torch.Tensor] = []
    while ordered:
        lengths = [min(TOKENS, int(rows.lengths[row])) for row in ordered]
        count = rows_that_fit(lengths, pass_tokens(model))
        batch = _ends(row_batch(rows, ordered[:count], model.device))
        parts.append(_compared(model, batch).cpu())
        alive()
        ordered = ordered[count:]
    return torch.cat(parts)


def _ends(batch: Batch) -> Batch:
    """Of each row that is too long, half of `TOKENS` from its beginning and half from its end: a class may be
    read from the one or from the other.
    """
    assert batch.attention_mask is not None
    at = torch.arange(min(TOKENS, batch.input_ids.shape[1]), device=batch.input_ids.device)
    excess = (batch.attention_mask.sum(1, keepdim=True) - TOKENS).clamp_min(0)
    places = at + excess * (at >= TOKENS // 2)
    return replace(
        batch,
        input_ids=batch.input_ids.gather(1, places),
        labels=batch.labels.gather(1, places),
        attention_mask=batch.attention_mask.gather(1, places),
    )


def _compared(model: PreTrainedModel, batch: Batch) -> torch.Tensor:
    if batch.class_ids is not None:
        return class_logits(model, batch)
    assert batch.attention_mask is not None
    real = batch.attention_mask.bool()
    left = real.flip(1).cumsum(1).flip(1)  # real tokens from here on
    return logits_at(model, batch, real & (left <= PLACES))


def _stored_dtype(base: BaseSpec) -> torch.dtype:
    """The type of the base's own files, so that a merged folder is as large as its base.

    Read from config.json in the folder or on the hub: the model in memory has the type it was loaded in.
    """
    values, _ = PretrainedConfig.get_config_dict(base.model, revision=base.revision)
    named = str(values.get("dtype") or values.get("torch_dtype")).removeprefix("torch.")
    return DTYPES.get(named, torch.float32)
