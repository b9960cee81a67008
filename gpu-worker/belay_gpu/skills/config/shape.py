"""What a base is made of, read from its configuration alone: no weight is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification, PreTrainedModel

from belay_gpu.contracts import ModelSpec, Task
from belay_gpu.engine.architecture import Architecture, architecture, trained_whole
from belay_gpu.engine.base_model import UNREADABLE, unavailable
from belay_gpu.engine.model_folder import check_folder
from belay_gpu.engine.spec import BaseSpec

CONVOLUTIONS = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)


@dataclass(frozen=True)
class Weight:
    """One weight of the base.

    Attributes:
        name: by its module.
        shape: of the tensor.
        linear: a layer that LoRA can adapt.
        refused: a linear layer that PEFT does not adapt in this architecture.
        head: it makes the model's answer.
        convolution: the kernel of a convolution.
    """

    name: str
    shape: tuple[int, ...]
    linear: bool
    head: bool
    convolution: bool = False
    refused: bool = False

    @property
    def fused(self) -> bool:
        """Several layers' matrices in one tensor, as the experts of a mixture are kept."""
        return len(self.shape) > 2 and not self.convolution

    @property
    def suffix(self) -> str:
        return self.name.rpartition(".")[2]

    @property
    def parameters(self) -> int:
        count = 1
        for size in self.shape:
            count *= size
        return count


@dataclass(frozen=True)
class ModelShape:
    """What a configuration says of a base.

    Attributes:
        model_type: as in config.json.
        parameters: of the base.
        hidden: width.
        layers: transformer blocks.
        weights: by module, embeddings and norms included, without biases.
        modules: by name.
        sizes: parameters of each module itself, biases included, those of modules inside it not.
    """

    model_type: str
    parameters: int
    hidden: int
    layers: int
    weights: tuple[Weight, ...]
    modules: Architecture = field(default_factory=Architecture)
    sizes: dict[str, int] = field(default_factory=dict)

    @property
    def linear(self) -> list[Weight]:
        return [weight for weight in self.weights if weight.linear and not weight.head]


def read_shape(model: ModelSpec, task: Task, class_names: list[str] | None) -> ModelShape:
    """Builds the architecture without memory for it.

    Raises:
        EngineError: ModelUnavailable for an unknown folder or id, a damaged config, remote code or pickled
            weights;
            StorageUnavailable for a hub that does not answer.
    """
    base = BaseSpec(model=model.model_name_or_path, revision=model.revision)
    check_folder(base)
    try:
        config = AutoConfig.from_pretrained(
            model.model_name_or_path, revision=model.revision, trust_remote_code=False
        )
        if task == "sequence_classification":
            config.num_labels = len(class_names or [])
            factory = AutoModelForSequenceClassification
        else:
            factory = AutoModelForCausalLM
        with torch.device("meta"):
            network: PreTrainedModel = factory.from_config(config, trust_remote_code=False)
    except UNREADABLE as error:
        raise unavailable(base, error) from error
    except Exception as error:
        raise unavailable(base, error, "no model can be built from its config.json: ") from error
    text = config.get_text_config()
    modules = architecture(network, task)
    return ModelShape(
        model_type=str(config.model_type),
        parameters=sum(p.numel() for p in network.parameters()),
        hidden=int(text.hidden_size),
        layers=int(text.num_hidden_layers),
        weights=tuple(_weights(network, modules)),
        modules=modules,
        sizes={
            name: sum(p.numel() for p in module.parameters(recurse=False))
            for name, module in network.named_modules()
        },
    )


def _weights(network: PreTrainedModel, modules: Architecture) -> list[Weight]:
    found: list[Weight] = []
    for name, module in network.named_modules():
        for key, parameter in module.named_parameters(recurse=False):
            if key.endswith("bias") or parameter.ndim < 2:
                continue
            is_layer = name in modules.linear and key == "weight"
            full = name if key == "weight" else f"{name}.{key}"
            found.append(
                Weight(
                    full,
                    tuple(parameter.shape),
                    linear=is_layer,
                    head=name in modules.output or trained_whole(name, modules.heads),
                    convolution=isinstance(module, CONVOLUTIONS),
                    refused=name in modules.refused,
                )
            )
    return found
