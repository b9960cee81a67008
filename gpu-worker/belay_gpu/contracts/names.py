"""The contract's names, generated from workflows/contracts by `npm run generate`. Do not edit."""

from typing import Final

from belay_gpu.contracts import models


class TaskQueues:
    """Every task queue by name."""

    KERNEL: Final = "belay-kernel"
    ML: Final = "belay-ml"
    GPU_POOL: Final = "belay-gpu"


def engine_queue(engine_id: str) -> str:
    """The queue that one engine serves alone."""
    return f"{TaskQueues.GPU_POOL}-{engine_id}"


class Activities:
    """Activities served by Python workers."""

    DATASET_ANALYZE: Final = "dataset.analyze"
    CONFIG_BUILD_SEARCH_SPACE: Final = "config.buildSearchSpace"
    HPO_ASK: Final = "hpo.ask"
    HPO_TELL: Final = "hpo.tell"
    HPO_SELECT_BEST: Final = "hpo.selectBest"
    EVAL_COMPARE: Final = "eval.compare"
    GPU_ACQUIRE_SEAT: Final = "gpu.acquireSeat"
    TRAINING_RUN: Final = "training.run"
    EVAL_RUN: Final = "eval.run"
    MERGE_RUN: Final = "merge.run"
    HUB_PUSH: Final = "hub.push"
    GPU_RELEASE_SEAT: Final = "gpu.releaseSeat"


#: Argument and result of each activity.
ACTIVITY_TYPES: Final[dict[str, tuple[type, type | None]]] = {
    "dataset.analyze": (models.DatasetAnalyzeInput, models.DatasetSummary),
    "config.buildSearchSpace": (models.BuildSearchSpaceInput, models.SearchPlan),
    "hpo.ask": (models.AskInput, models.AskOutput),
    "hpo.tell": (models.TellInput, None),
    "hpo.selectBest": (models.SelectBestInput, models.SelectBestOutput),
    "eval.compare": (models.CompareInput, models.CompareOutput),
    "gpu.acquireSeat": (models.SeatRequest, models.SeatGrant),
    "training.run": (models.TrainingInput, models.TrainingOutput),
    "eval.run": (models.EvalInput, models.EvalOutput),
    "merge.run": (models.MergeInput, models.MergeOutput),
    "hub.push": (models.HubPushInput, models.HubPushOutput),
    "gpu.releaseSeat": (models.SeatRelease, None),
}


class Errors:
    """The closed list of `type` strings of an ApplicationError."""

    INVALID_SPEC: Final = "InvalidSpec"
    INVALID_DATASET: Final = "InvalidDataset"
    MODEL_UNAVAILABLE: Final = "ModelUnavailable"
    DOES_NOT_FIT: Final = "DoesNotFit"
    UNSUPPORTED: Final = "Unsupported"
    ENGINE_LOST: Final = "EngineLost"
    NO_SEAT: Final = "NoSeat"
    CRASHES_ENGINE: Final = "CrashesEngine"
    STALE_EPOCH: Final = "StaleEpoch"
    CORRUPT_ARTIFACT: Final = "CorruptArtifact"
    STORAGE_UNAVAILABLE: Final = "StorageUnavailable"
    DISK_FULL: Final = "DiskFull"
    NO_TRIAL_COMPLETED: Final = "NoTrialCompleted"
    NOT_FOUND: Final = "NotFound"
    CANCELLED: Final = "Cancelled"
    TIMEOUT: Final = "Timeout"
    INTERNAL: Final = "Internal"


PERMANENT_ERRORS: Final[frozenset[models.ErrorType]] = frozenset(
    [
        "InvalidSpec",
        "InvalidDataset",
        "ModelUnavailable",
        "DoesNotFit",
        "Unsupported",
        "CrashesEngine",
        "StaleEpoch",
        "CorruptArtifact",
        "NoTrialCompleted",
        "NotFound",
        "Timeout",
    ]
)


class TrainerEvents:
    """Kinds of trace events that a trainer writes."""

    RESUMED: Final = "trial.resumed"
    METRICS: Final = "trial.metrics"
    CHECKPOINT: Final = "trial.checkpoint"
    DIVERGED: Final = "trial.diverged"
    PARKED: Final = "trial.parked"
    LEFT: Final = "trial.left"
    ENVIRONMENT: Final = "engine.environment"
    BASE: Final = "engine.base"


FEWEST_COMPARED_ROWS: Final[int] = 10


SEARCHABLE_KEYS: Final[tuple[str, ...]] = (
    "learning_rate",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "num_train_epochs",
    "max_steps",
    "lr_scheduler_type",
    "warmup_ratio",
    "weight_decay",
    "adam_beta1",
    "adam_beta2",
    "max_grad_norm",
    "r",
    "lora_alpha",
    "lora_dropout",
    "target_modules",
    "use_rslora",
    "loraplus_lr_ratio",
)


HIGHER_IS_BETTER: Final[frozenset[models.MetricName]] = frozenset(
    ["token_accuracy", "exact_match", "f1", "accuracy", "macro_f1"]
)
