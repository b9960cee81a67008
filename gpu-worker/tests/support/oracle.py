"""Plain PEFT and a loop of twenty lines: what the engine must agree with. Written apart from it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict
from torch.nn import functional
from transformers import AutoModelForCausalLM, get_scheduler

from belay_gpu.data.tokenised import IGNORED, TokenisedSplit
from belay_gpu.engine.spec import SlotSpec


@dataclass
class OracleRun:
    losses: list[float]
    rates: list[float]
    weights: dict[str, torch.Tensor]


def train_plain(
    folder: Path, spec: SlotSpec, data: TokenisedSplit, batches: list[list[int]], targets: list[str]
) -> OracleRun:
    """One optimizer step per entry of `batches`, which holds all rows of the accumulation window."""
    train, lora = spec.train, spec.lora
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    torch.manual_seed(train.seed)
    model = get_peft_model(
        base,
        LoraConfig(
            task_type="CAUSAL_LM",
            r=lora.r,
            lora_alpha=lora.lora_alpha,  # pyright: ignore[reportArgumentType] PEFT takes any number
            target_modules=targets,
            use_rslora=lora.use_rslora,
        ),
    )
    model.train()
    a = [p for n, p in model.named_parameters() if "lora_A" in n]
    b = [p for n, p in model.named_parameters() if "lora_B" in n]
    ratio = lora.loraplus_lr_ratio or 1.0
    optimizer = torch.optim.AdamW(
        [{"params": a, "lr": train.learning_rate}, {"params": b, "lr": train.learning_rate * ratio}],
        betas=(train.adam_beta1, train.adam_beta2),
        eps=train.adam_epsilon,
        weight_decay=train.weight_decay,
    )
    warmup = -int(-spec.total_steps * train.warmup_ratio // 1)
    schedule = get_scheduler(train.lr_scheduler_type, optimizer, warmup, spec.total_steps)
    losses, rates = [], []
    for rows in batches:
        window = sum(int((data.row(row)[1][1:] != IGNORED).sum()) for row in rows)
        total = 0.0
        for start in range(0, len(rows), train.per_device_train_batch_size):
            for row in rows[start : start + train.per_device_train_batch_size]:
                ids, labels = (torch.from_numpy(part.astype("int64"))[None] for part in data.row(row))
                logits = model(input_ids=ids).logits[:, :-1]
                loss = functional.cross_entropy(
                    logits.flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED, reduction="sum"
                )
                (loss / window).backward()
                total += loss.item() / window
        if train.max_grad_norm is not None:
            torch.nn.utils.clip_grad_norm_(a + b, train.max_grad_norm)
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()  # pyright: ignore[reportCallIssue] no plateau here
        optimizer.zero_grad()
        losses.append(total)
    return OracleRun(
        losses, rates, {k: v.detach().clone() for k, v in get_peft_model_state_dict(model).items()}
    )
