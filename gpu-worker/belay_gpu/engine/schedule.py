"""Learning rates as a pure function of the slot's own step; the same formulas as transformers' schedulers."""

from __future__ import annotations

import math

from belay_gpu.engine.spec import Scheduler


def warmup_steps(total_steps: int, ratio: float) -> int:
    return math.ceil(total_steps * ratio)


def rate_factor(kind: Scheduler, step: int, total_steps: int, warmup: int) -> float:
    """Share of the peak rate that the optimizer step number `step` (the first is 0) uses."""
    if kind == "constant":
        return 1.0
    if step < warmup:
        return step / max(1, warmup)
    if kind == "constant_with_warmup":
        return 1.0
    if kind == "linear":
        return max(0.0, (total_steps - step) / max(1, total_steps - warmup))
    progress = (step - warmup) / max(1, total_steps - warmup)
    return max(0.0, 0.5 * (1.0 + math.cos(math.pi * progress)))
