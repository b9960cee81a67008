"""config.buildSearchSpace: the plan of a search, or what is wrong with it."""

from __future__ import annotations

import math

from belay_gpu.contracts import (
    BuildSearchSpaceInput,
    SearchPlan,
    SearchPlanMemory,
    SearchPlanTrainableParams,
    SearchSpace,
)
from belay_gpu.engine.architecture import check_saved, trained_whole
from belay_gpu.engine.quantisation import check_quantises
from belay_gpu.skills.config.checks import (
    check_ranks,
    check_sampler,
    coverages,
    rank_warnings,
    saved_names,
    values_of,
)
from belay_gpu.skills.config.coverage import Coverage, skipped_summaries, summaries
from belay_gpu.skills.config.memory import (
    TargetDevice,
    Workload,
    check_fits,
    compute_bytes,
    estimate,
    target_device,
)
from belay_gpu.skills.config.metrics import check_metrics
from belay_gpu.skills.config.proposal import propose_space
from belay_gpu.skills.config.shape import ModelShape, read_shape
from belay_gpu.skills.config.startup import startup_warnings

FULL_BATCH = 32


def build_search_space(request: BuildSearchSpaceInput, device: TargetDevice | None = None) -> SearchPlan:
    """Checks the space that the spec gives, or proposes one.

    Args:
        request: the experiment's sections and its data set.
        device: what trials will run on; None: the best that this machine has.

    Raises:
        SkillError: InvalidSpec, Unsupported, ModelUnavailable or DoesNotFit; one line each.
        EngineError: InvalidSpec for a module to save or to adapt that is unknown or refused; Unsupported for
            4 bits without the package that makes them; ModelUnavailable or StorageUnavailable, where the hub
            is asked about the base.
    """
    check_metrics(request)
    device = device or target_device("auto")
    if request.model.load_in_4bit:
        check_quantises()
    shape = read_shape(request.model, request.task, request.dataset.tokenised.class_names)
    check_saved(shape.modules, request.lora.modules_to_save or ())
    covered = coverages(request, shape)
    steps = total_steps(request)
    given = None if request.search.space == "auto" else request.search.space
    if given is None:
        space, reasons = propose_space(request, shape, covered[0], steps)
    else:
        space, reasons = given, dict.fromkeys(map(str, given), "as the experiment says")
    check_sampler(request, space)
    ranks = [int(rank) for rank in values_of(space, "r", request.lora.r)]
    where = "search.space.r" if "r" in space else "lora.r"
    for coverage in covered:
        check_ranks(ranks, coverage, where)
    trained = [
        coverage.parameters(rank) + _whole_modules(request, shape) for coverage in covered for rank in ranks
    ]
    memory = _memory(request, shape, space, max(trained), device)
    check_fits(memory, request.model, request.pack.memory_fraction, device)
    return SearchPlan(
        space=space,
        proposed=given is None,
        reasons=reasons,
        adapted=summaries(covered[0].adapted),
        skipped=skipped_summaries(covered[0].skipped),
        base_params=shape.parameters,
        trainable_params=SearchPlanTrainableParams(min=min(trained), max=max(trained)),
        memory=memory,
        total_steps=steps,
        warnings=_warnings(request, ranks, covered[0], steps),
    )


def total_steps(request: BuildSearchSpaceInput) -> int:
    """Optimizer steps of a trial with the spec's own train section; an epoch's last batch may be short."""
    train = request.train
    if train.max_steps is not None:
        return train.max_steps
    sequences = request.dataset.packs or request.dataset.rows.train
    per_step = train.per_device_train_batch_size * train.gradient_accumulation_steps
    return max(1, math.ceil(math.ceil(sequences / per_step) * train.num_train_epochs))


def _whole_modules(request: BuildSearchSpaceInput, shape: ModelShape) -> int:
    """Parameters of modules that are trained whole: the classifier's head and `modules_to_save`.

    What the files lack of a classifier's body is trained whole too; it is not known before they are loaded.
    """
    saved = saved_names(request, shape)
    return sum(size for name, size in shape.sizes.items() if trained_whole(name, saved))


def _memory(
    request: BuildSearchSpaceInput, shape: ModelShape, space: SearchSpace, trained: int, device: TargetDevice
) -> SearchPlanMemory:
    batches = values_of(space, "per_device_train_batch_size", request.train.per_device_train_batch_size)
    layers = {*shape.modules.linear, *shape.modules.refused}
    embeddings = [w.shape[0] for w in shape.weights if w.name not in layers and len(w.shape) == 2]
    vocabulary = max(embeddings, default=0) if request.task == "causal_lm" else 0
    bytes_each = compute_bytes(request.model.dtype, request.model.load_in_4bit, device)
    dataset = request.dataset
    load = Workload(
        batch=int(max(batches)),
        length=dataset.max_length,
        labels=dataset.label_tokens / (dataset.packs or dataset.rows.train),
        eval_batch=request.eval.batch_size,
        eval_labels=dataset.label_tokens / dataset.rows.train,
        vocabulary=vocabulary,
    )
    return estimate(shape, bytes_each, trained, load, device)


def _warnings(request: BuildSearchSpaceInput, ranks: list[int], coverage: Coverage, steps: int) -> list[str]:
    found = list(rank_warnings(ranks, coverage, request.dataset.label_tokens))
    batch = request.train.per_device_train_batch_size * request.train.gradient_accumulation_steps
    if batch > FULL_BATCH:
        found.append(f"an effective batch of {batch} is large for LoRA, which learns best below {FULL_BATCH}")
    if request.eval.eval_steps > steps:
        found.append(
            f"eval.eval_steps ({request.eval.eval_steps}) is above the {steps} steps of a trial: "
            "it is evaluated at its end only"
        )
    section = "median" if request.search.pruner == "median" else "asha"
    grace = getattr(request.search, section).grace_steps
    if request.search.pruner != "none" and grace >= steps:
        found.append(
            f"search.{section}.grace_steps ({grace}) is not below the {steps} steps of a trial: "
            "nothing is pruned"
        )
    return found + startup_warnings(request.search)
