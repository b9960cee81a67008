"""Bases whose weights do not fill the architecture of their config.json: transformers would draw the rest."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from torch import nn
from transformers import PreTrainedModel

from belay_gpu.engine.architecture import architecture, is_linear, trained_whole
from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.spec import BaseSpec

NAMED = 3


def check_filled(spec: BaseSpec, model: PreTrainedModel, info: dict[str, Any]) -> None:
    """Refuses a base of which a part would be random numbers.

    Tied weights are not missing, and weights that no module has are passed over. A classifier may lack what
    it trains whole: its head, and a pooler. Buffers that files lack are computed, not drawn.

    Args:
        spec: which base.
        model: as loaded.
        info: what transformers tells of the loading: `missing_keys`, and `mismatched_keys` as triples of a
            name, the shape in the files and the shape of the architecture.

    Raises:
        EngineError: ModelUnavailable.
    """
    heads = architecture(model, spec.task).heads
    if info["mismatched_keys"]:
        raise EngineError(
            "ModelUnavailable", f"model {spec.model}: {_shapes(info['mismatched_keys'], heads)}"
        )
    weights = {name for name, _ in model.named_parameters()}
    missing = sorted(weights.intersection(info["missing_keys"]))
    if spec.task == "sequence_classification":
        new = tuple(f"{part}." for part in _poolers(model))
        missing = [
            name for name in missing if not (trained_whole(_module(name), heads) or name.startswith(new))
        ]
    if missing:
        others = len(missing) - NAMED
        rest = f" and {others} others" if others > 1 else f" and {missing[NAMED]}" if others == 1 else ""
        raise EngineError(
            "ModelUnavailable",
            f"model {spec.model}: its weights do not fill the architecture of its config.json; its files "
            f"lack {', '.join(missing[:NAMED])}{rest}",
        )


def _shapes(mismatched: Iterable[tuple[str, Any, Any]], heads: Collection[str]) -> str:
    name, held, wanted = min(mismatched)
    told = f"its files hold {name} as {_size(held)}, where {_size(wanted)} is needed"
    if trained_whole(_module(name), heads):
        return f"{told} for the classes of the data set; use a base without the head of another task"
    return f"{told}: its weights do not fit the architecture of its config.json"


def _size(shape: Iterable[int]) -> str:
    return " x ".join(map(str, shape))


def _poolers(model: PreTrainedModel) -> list[str]:
    """Modules that come after the last stack of numbered layers in a classifier's body and have a linear
    layer, as BERT's pooler: pretraining may have been without them, as it was never without a layer of the
    stack, the embeddings or the last norm.
    """
    body: Any = getattr(model, model.base_model_prefix, None)
    prefix = "" if body is None else f"{model.base_model_prefix}."
    children: list[tuple[str, nn.Module]] = list((model if body is None else body).named_children())
    stacks = [
        index
        for index, (_, child) in enumerate(children)
        if any(isinstance(module, nn.ModuleList) for module in child.modules())
    ]
    after = children[stacks[-1] + 1 :] if stacks else []
    return [f"{prefix}{name}" for name, child in after if any(map(is_linear, child.modules()))]


def _module(weight: str) -> str:
    return weight.rpartition(".")[0]
