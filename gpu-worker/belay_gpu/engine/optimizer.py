"""One AdamW per slot; its state by parameter name, so that it survives the process."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from belay_gpu.engine.spec import SlotSpec

Named = Sequence[tuple[str, nn.Parameter]]


def build_optimizer(named: Named, spec: SlotSpec) -> torch.optim.AdamW:
    """Groups by rate and decay. LoRA+ gives every B a rate of its own; biases and norms of whole modules do
    not decay.
    """
    train, ratio = spec.train, spec.lora.loraplus_lr_ratio or 1.0
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in named:
        is_b = "lora_B" in name or "lora_embedding_B" in name
        decays = parameter.ndim > 1 or "lora_" in name
        groups.setdefault((ratio if is_b else 1.0, train.weight_decay if decays else 0.0), []).append(
            parameter
        )
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "weight_decay": decay,
                "rate_ratio": factor,
                "lr": train.learning_rate * factor,
            }
            for (factor, decay), parameters in groups.items()
        ],
        betas=(train.adam_beta1, train.adam_beta2),
        eps=train.adam_epsilon,
        fused=True,
    )


def set_rate(optimizer: torch.optim.AdamW, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate_ratio"]


def optimizer_tensors(optimizer: torch.optim.AdamW, named: Named) -> dict[str, torch.Tensor]:
    """`<parameter>.exp_avg`, `.exp_avg_sq` and `.step` for every parameter that has taken a step."""
    return {
        f"{name}.{key}": value.detach().cpu().contiguous()
        for name, parameter in named
        for key, value in optimizer.state.get(parameter, {}).items()
    }


def load_optimizer_tensors(
    optimizer: torch.optim.AdamW, named: Named, tensors: dict[str, torch.Tensor]
) -> None:
    for name, parameter in named:
        keys = ("step", "exp_avg", "exp_avg_sq")
        if f"{name}.step" not in tensors:
            continue
        # Fresh memory: tensors that view a file's buffer may be aligned otherwise, and round otherwise.
        optimizer.state[parameter] = {
            key: tensors[f"{name}.{key}"].clone().to(parameter.device) for key in keys
        }
