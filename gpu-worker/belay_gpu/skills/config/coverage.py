"""Which weights an adapter covers, and why it leaves the others alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from belay_gpu.contracts import SearchPlanSkipped, WeightSummary
from belay_gpu.engine.architecture import check_targets, trained_whole
from belay_gpu.skills.config.shape import ModelShape, Weight
from belay_gpu.skills.failures import SkillError

ALL_LINEAR = "all-linear"
# What fused weights may hold of the base's parameters before `all-linear` leaves out too much to be true.
FUSED_SHARE = 0.01


@dataclass(frozen=True)
class Coverage:
    adapted: list[Weight]
    skipped: list[tuple[Weight, str]]

    def parameters(self, rank: int) -> int:
        """Trainable parameters of A and B over all adapted layers."""
        return sum(rank * (weight.shape[0] + weight.shape[1]) for weight in self.adapted)

    @property
    def narrowest(self) -> Weight:
        return min(self.adapted, key=lambda weight: min(weight.shape))


def cover(shape: ModelShape, targets: str | Sequence[str], saved: Collection[str] = ()) -> Coverage:
    """Splits the base's weights by whether `targets` names them. What `saved` names is trained whole instead.

    Raises:
        EngineError: InvalidSpec for a target that is no layer, or none that PEFT adapts; Unsupported where
            `all-linear` would silently leave out a notable share of what the layers do.
    """
    wanted = None if targets == ALL_LINEAR else list(targets)
    if wanted is not None:
        check_targets(shape.modules, wanted)
    adapted: list[Weight] = []
    skipped: list[tuple[Weight, str]] = []
    for weight in shape.weights:
        is_whole = trained_whole(weight.name, saved)
        if weight.linear and _named(weight, wanted) and not is_whole and not (weight.head and wanted is None):
            adapted.append(weight)
        else:
            skipped.append((weight, _why_not(weight, is_whole)))
    fused = [weight for weight in shape.weights if weight.fused]
    share = sum(weight.parameters for weight in fused) / shape.parameters
    if wanted is None and share > FUSED_SHARE:
        raise SkillError(
            "Unsupported",
            f"lora.target_modules: all-linear does not reach {fused[0].suffix} and others of {len(fused)} "
            f"fused weights ({share:.0%} of the model's parameters, such as the experts of a mixture); "
            f"name the layers to adapt instead, for example [{', '.join(_suffixes(shape)[:4])}]",
        )
    if not adapted and wanted is not None:
        raise SkillError(
            "InvalidSpec",
            f"lora.target_modules: {', '.join(wanted)} names only what is trained whole (a classifier's "
            "head, lora.modules_to_save); name other layers",
        )
    if not adapted:
        raise SkillError("InvalidSpec", "lora.target_modules: the model has no linear layer to adapt")
    return Coverage(adapted, skipped)


def _named(weight: Weight, wanted: list[str] | None) -> bool:
    return wanted is None or any(weight.name == name or weight.name.endswith(f".{name}") for name in wanted)


def _suffixes(shape: ModelShape) -> list[str]:
    return sorted({weight.suffix for weight in shape.linear})


def _why_not(weight: Weight, is_whole: bool) -> str:
    if weight.head:
        return "the output head"
    if is_whole:
        return "trained whole"
    if weight.convolution:
        return "a convolution"
    if weight.fused:
        return "a fused weight that LoRA does not reach"
    if weight.refused:
        return "a layer that PEFT does not adapt in a model of this type"
    if not weight.linear:
        return "an embedding"
    return "not among lora.target_modules"


def summaries(weights: Sequence[Weight]) -> list[WeightSummary]:
    """One line for all layers of the same name and shape."""
    groups = Counter((weight.suffix, weight.shape) for weight in weights)
    return [WeightSummary(name=n, shape=list(s), count=c) for (n, s), c in groups.items()]


def skipped_summaries(skipped: Sequence[tuple[Weight, str]]) -> list[SearchPlanSkipped]:
    groups = Counter((weight.suffix, weight.shape, why) for weight, why in skipped)
    return [
        SearchPlanSkipped(name=n, shape=list(s), count=c, reason=why) for (n, s, why), c in groups.items()
    ]
