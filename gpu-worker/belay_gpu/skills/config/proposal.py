"""A search space for those who did not write one, with a reason for each range.

Starting points from "LoRA Without Regret" (Thinking Machines, 2025): rates about ten times those of full
fine-tuning and nearly independent of the rank under alpha/r scaling, all linear layers, small effective
batches, and a rank with about as many adapter parameters as there are tokens to learn.
"""

from __future__ import annotations

from belay_gpu.contracts import (
    BuildSearchSpaceInput,
    Distribution,
    DistributionChoice,
    DistributionLogint,
    DistributionLoguniform,
    DistributionUniform,
    SearchSpace,
)
from belay_gpu.skills.config.coverage import Coverage
from belay_gpu.skills.config.shape import ModelShape

RANKS = (8, 16, 32, 64)
SMALL_RANKS = (4, 8, 16)
# Below this width the usual rates barely move a model within a short run.
SMALL_WIDTH = 512
FEW_LABEL_TOKENS = 200_000


def propose_space(
    request: BuildSearchSpaceInput, shape: ModelShape, coverage: Coverage, steps: int
) -> tuple[SearchSpace, dict[str, str]]:
    """Rate and rank always; dropout where the data is small enough to be learnt by heart.

    Rank and dropout are lists of usual values, but ranges for CMA-ES, which moves on numbers only.
    """
    as_ranges = request.search.sampler == "cmaes"
    space: SearchSpace = {}
    reasons: dict[str, str] = {}
    space["learning_rate"], reasons["learning_rate"] = _rate(shape, steps)
    space["r"], reasons["r"] = _ranks(request, shape, coverage, as_ranges)
    epochs = request.train.num_train_epochs
    if request.dataset.label_tokens * epochs < FEW_LABEL_TOKENS:
        space["lora_dropout"] = (
            DistributionUniform(uniform=(0.0, 0.1)) if as_ranges else DistributionChoice(choice=[0.0, 0.05])
        )
        reasons["lora_dropout"] = (
            f"{request.dataset.label_tokens:,} label tokens are few enough to be learnt by heart: "
            "dropout may help"
        )
    return space, reasons


def _rate(shape: ModelShape, steps: int) -> tuple[Distribution, str]:
    low, high = 5e-5, 1e-3
    reason = "about ten times the rates of full fine-tuning, one decade and a bit wide"
    if shape.hidden < SMALL_WIDTH:
        low, high = 5e-4, 2e-2
        reason += f"; raised for a narrow model ({shape.hidden} wide)"
    elif steps < 200:
        low, high = 1e-4, 2e-3
        reason += f"; raised for a run of {steps} steps"
    return DistributionLoguniform(loguniform=(low, high)), reason


def _ranks(
    request: BuildSearchSpaceInput, shape: ModelShape, coverage: Coverage, as_range: bool
) -> tuple[Distribution, str]:
    widest = min(coverage.narrowest.shape)
    candidates = SMALL_RANKS if shape.hidden < SMALL_WIDTH else RANKS
    ranks = [rank for rank in candidates if rank <= widest] or [max(1, widest // 2)]
    needed = request.dataset.label_tokens / max(1, coverage.parameters(1))
    reason = (
        f"an adapter should have about as many parameters as there are label tokens to learn "
        f"({request.dataset.label_tokens:,}, rank {max(1, round(needed))} here); "
        f"the narrowest adapted layer is {widest} wide"
    )
    if as_range and widest > 1:
        low, high = (ranks[0], ranks[-1]) if len(ranks) > 1 else (1, widest)
        return DistributionLogint(logint=(low, high)), f"{reason}; a range, as CMA-ES moves on numbers"
    return DistributionChoice(choice=list(ranks)), reason
