"""The modules of a base by name, and which of them a trial trains whole beside A and B."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from peft import LoraConfig, inject_adapter_in_model
from torch import nn
from transformers import PreTrainedModel

from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.spec import Task

# Where PEFT finds the head of a classifier: it trains such modules whole, asked or not.
PEFT_HEADS = ("classifier", "score")


@dataclass(frozen=True)
class Architecture:
    """A base before PEFT has wrapped any of its modules.

    Attributes:
        names: of all modules.
        linear: layers that LoRA can adapt.
        refused: linear layers that PEFT adapts in no model of this type, such as some of Mamba's, whose
            weights are used past the layers.
        saveable: modules with weights, each of which can be trained whole.
        output: a language model's output layer, with what is inside it.
        beside: classification: modules beside the body, which make the answer of what the body says.
        embeddings: the input embedding and, where there is one, the output layer.
        tied: whether these two are one tensor.
        transposed: whether its layers keep their weights as [in, out], as GPT-2's do.
    """

    names: tuple[str, ...] = ()
    linear: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    saveable: tuple[str, ...] = ()
    output: frozenset[str] = frozenset()
    beside: tuple[str, ...] = ()
    embeddings: tuple[str, ...] = ()
    tied: bool = False
    transposed: bool = False

    @property
    def heads(self) -> tuple[str, ...]:
        """What a classifier trains whole in any case."""
        return (*self.beside, *PEFT_HEADS) if self.beside else ()


def architecture(model: PreTrainedModel, task: Task) -> Architecture:
    """Reads a base that has its weights, or none of them (on the device `meta`)."""
    modules = list(model.named_modules())
    entrance, output = model.get_input_embeddings(), model.get_output_embeddings()
    inside_output = set() if output is None or task != "causal_lm" else set(map(id, output.modules()))
    ends = [module for module in (entrance, output) if module is not None]
    layers = [module for _, module in modules if is_linear(module) and id(module) not in inside_output]
    linear = frozenset(name for name, module in modules if is_linear(module))
    endings = _refused(model, linear)
    refused = frozenset(name for name in linear if _suffix(name) in endings)
    return Architecture(
        names=tuple(name for name, _ in modules if name),
        linear=linear - refused,
        refused=refused,
        saveable=tuple(name for name, module in modules if name and _is_saveable(module)),
        output=frozenset(name for name, module in modules if id(module) in inside_output),
        beside=_beside(model) if task == "sequence_classification" else (),
        embeddings=tuple(name for end in ends for name, module in modules if module is end),
        tied=len(ends) == 2 and ends[0].weight is ends[1].weight,
        transposed=bool(layers) and not any(isinstance(layer, nn.Linear) for layer in layers),
    )


def _refused(model: PreTrainedModel, layers: Iterable[str]) -> set[str]:
    """Which last parts of these layers' names PEFT does not adapt in a model of this type.

    It refuses them, as some of Mamba's, or adapts the fused experts of a mixture in their place.

    PEFT itself is asked, by a stand-in for the model that has one such layer and no weights.
    """
    found: set[str] = set()
    for name in _suffixes(layers):
        stand_in: Any = nn.Module()
        stand_in.config = model.config
        stand_in.add_module(name, nn.Linear(1, 1, device="meta"))
        try:
            inject_adapter_in_model(LoraConfig(r=1, target_modules=[name]), stand_in, low_cpu_mem_usage=True)
        except ValueError:
            found.add(name)
    return found


def is_linear(module: nn.Module) -> bool:
    return isinstance(module, nn.Linear) or type(module).__name__ == "Conv1D"


def _is_saveable(module: nn.Module) -> bool:
    containers = (nn.ModuleList, nn.ModuleDict)
    return not isinstance(module, containers) and any(True for _ in module.parameters())


def _beside(model: PreTrainedModel) -> tuple[str, ...]:
    body = getattr(model, model.base_model_prefix, None)
    children = {name: child for name, child in model.named_children() if child is not body}
    if body is None:
        children = {name: child for name, child in children.items() if name in PEFT_HEADS}
    return tuple(name for name, child in children.items() if _is_saveable(child))


def trained_whole(name: str, saved: Collection[str]) -> bool:
    """Whether a module is, or is part of, one that `modules_to_save` names.

    By PEFT's rule: a module is saved where its full name ends with a saved name, be that in the middle of a
    word (`pre_classifier` for `classifier`).
    """
    parts, ends = name.split("."), tuple(saved)
    return any(".".join(parts[: count + 1]).endswith(ends) for count in range(len(parts)))


def new_in_body(known: Architecture, new_modules: Iterable[str]) -> list[str]:
    """Modules of a classifier's body whose weights no file holds, such as the pooler of a masked language
    model. Plain PEFT draws other ones, so the adapter must carry what it was trained over.
    """
    bare = {"", *(name for name in known.names if "." not in name)}
    return [name for name in new_modules if name not in bare and not trained_whole(name, known.heads)]


def all_linear(known: Architecture, saved: Collection[str]) -> list[str]:
    """What `all-linear` means for a base: every linear layer but the output and what is trained whole.

    Args:
        known: its modules.
        saved: what `modules_to_save` names, PEFT's own additions included.

    Returns:
        Suffixes where they are unambiguous, else full names.
    """
    linear = {name for name in known.linear - known.output if not trained_whole(name, saved)}
    suffixes = {_suffix(name) for name in linear}
    hit = {name for name in known.names if _suffix(name) in suffixes}
    return sorted(suffixes) if hit == linear else sorted(linear)


def check_targets(known: Architecture, names: Sequence[str]) -> None:
    """Raises: EngineError (InvalidSpec) for a target that is no layer, or none that PEFT adapts."""
    for target in names:
        is_refused = any(_matches(name, target) for name in known.refused)
        if any(_matches(name, target) for name in known.linear) and not is_refused:
            continue
        wrong = "PEFT does not adapt, in a model of this type," if is_refused else "no linear layer is named"
        layers = ", ".join(sorted(set(map(_suffix, known.linear))))
        raise EngineError("InvalidSpec", f"lora.target_modules: {wrong} {target}; there are: {layers}")


def check_saved(known: Architecture, names: Sequence[str]) -> None:
    """Raises: EngineError (InvalidSpec) for a module to save that the base does not have."""
    for wanted in names:
        if any(_matches(name, wanted) for name in known.saveable):
            continue
        choices = known.saveable if "." in wanted else _suffixes(known.saveable)
        near = get_close_matches(wanted, choices, n=3)
        told = (
            f"the nearest are: {', '.join(near)}"
            if near
            else f"there are: {', '.join(_suffixes(known.saveable))}"
        )
        raise EngineError(
            "InvalidSpec", f"lora.modules_to_save: no module with weights is named {wanted}; {told}"
        )


def _matches(name: str, wanted: str) -> bool:
    return name == wanted or name.endswith(f".{wanted}")


def _suffix(name: str) -> str:
    return name.rpartition(".")[2]


def _suffixes(names: Iterable[str]) -> list[str]:
    """Last parts of names; the numbers of layers say nothing."""
    return sorted({suffix for suffix in map(_suffix, names) if not suffix.isdigit()})
