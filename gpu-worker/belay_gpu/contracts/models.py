"""The contract's models, generated from workflows/contracts by `npm run generate`. Do not edit."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from typing_extensions import TypeAliasType

from belay_gpu.contracts.base import OrderedBounds, PositiveBounds, Spec, Wire

AlphaSpec1 = TypeAliasType("AlphaSpec1", Annotated[float, Field(gt=0.0)])


AlphaSpec2 = TypeAliasType("AlphaSpec2", Annotated[str, Field(pattern="^\\d+(\\.\\d+)?r$")])


AlphaSpec = TypeAliasType("AlphaSpec", AlphaSpec1 | AlphaSpec2)


Trial = TypeAliasType("Trial", Annotated[int, Field(ge=0)])


PendingItem = TypeAliasType("PendingItem", Annotated[int, Field(ge=0)])


Choice = TypeAliasType("Choice", int | float | str | bool | list[str] | None)


class CompareOutput(Wire):
    metric: str
    base: float
    best: float
    gain: float
    low: float
    high: float
    beats_base: bool
    examples: int
    resamples: int


DatasetFormat = TypeAliasType(
    "DatasetFormat", Literal["alpaca", "sharegpt", "messages", "prompt_completion", "text", "labelled_text"]
)


class DatasetProfileDuplicates(Wire):
    exact: int
    near: int
    examples: list[str]


class DatasetProfileExample(Wire):
    prompt: str
    completion: str


class DatasetProfileGroups(Wire):
    column: str
    count: int


class DatasetProfileLabel(Wire):
    name: str
    train: int
    validation: int
    test: int


class DatasetProfileLeakage(Wire):
    exact: int
    near: int
    examples: list[str]


class DatasetProfileRows(Wire):
    read: int
    used: int
    train: int
    validation: int
    test: int


class DatasetProfileTruncation(Wire):
    policy: str
    rows: int
    share: float


Path = TypeAliasType("Path", Annotated[str, Field(min_length=1)])
"""
JSONL, JSON, CSV or Parquet file, relative to the experiment file; or a list of {path, weight}, weight a multiple of the file's rows (0.5: half of them; 2: each twice in training).
"""


ValPath = TypeAliasType("ValPath", Annotated[str, Field(min_length=1)])
"""
A validation file; else rows are split off `path`.
"""


TestPath = TypeAliasType("TestPath", Annotated[str, Field(min_length=1)])
"""
A test file; else rows are split off `path`.
"""


MaxSamples = TypeAliasType("MaxSamples", Annotated[int, Field(gt=0)])
"""
Use at most this many rows.
"""


Packs = TypeAliasType("Packs", Annotated[int, Field(gt=0)])


class DatasetSummaryRows(Wire):
    train: int
    validation: int
    test: int


class DistributionChoice(Spec):
    model_config = ConfigDict(
        extra="forbid",
    )
    choice: Annotated[list[Choice], Field(min_length=1)]


class DistributionInt(OrderedBounds):
    model_config = ConfigDict(
        extra="forbid",
    )
    int_: Annotated[tuple[int, int], Field(alias="int")]


class DistributionLogint(PositiveBounds):
    model_config = ConfigDict(
        extra="forbid",
    )
    logint: tuple[int, int]


class DistributionLoguniform(PositiveBounds):
    model_config = ConfigDict(
        extra="forbid",
    )
    loguniform: tuple[float, float]


class DistributionUniform(OrderedBounds):
    model_config = ConfigDict(
        extra="forbid",
    )
    uniform: tuple[float, float]


Entrypoint = TypeAliasType("Entrypoint", Literal["training.run", "eval.run", "merge.run", "hub.push"])


ErrorType = TypeAliasType(
    "ErrorType",
    Literal[
        "InvalidSpec",
        "InvalidDataset",
        "ModelUnavailable",
        "DoesNotFit",
        "Unsupported",
        "EngineLost",
        "NoSeat",
        "CrashesEngine",
        "StaleEpoch",
        "CorruptArtifact",
        "StorageUnavailable",
        "DiskFull",
        "NoTrialCompleted",
        "NotFound",
        "Cancelled",
        "Timeout",
        "Internal",
    ],
)


class EvalOutputSample(Wire):
    prompt: str
    expected: str
    got: str


class EvalSpecGeneration(Spec):
    model_config = ConfigDict(
        extra="forbid",
    )
    max_new_tokens: Annotated[int, Field(gt=0)] = 64
    """
    Longest generation, in tokens.
    """
    do_sample: Literal[False] = False
    """
    Generation is greedy, so that it repeats.
    """
    stop: str | None = None
    """
    Text at which generation stops, beside the end-of-sequence token.
    """
    ignore_spaces: bool = False
    """
    Exact match and F1 ignore white space.
    """


class Histogram(Wire):
    edges: list[float]
    counts: list[int]


class HubPushOutput(Wire):
    url: str
    commit: str


TargetModule = TypeAliasType("TargetModule", Annotated[str, Field(min_length=1)])


TargetModules = TypeAliasType("TargetModules", Annotated[list[TargetModule], Field(min_length=1)])
"""
Layers to adapt: all-linear, or name suffixes such as q_proj.
"""


LoraplusLrRatio = TypeAliasType("LoraplusLrRatio", Annotated[float, Field(gt=0.0)])
"""
LoRA+: the rate of B over the rate of A.
"""


class LoraSpec(Spec):
    model_config = ConfigDict(
        extra="forbid",
    )
    r: Annotated[int, Field(ge=1)] = 16
    """
    Rank.
    """
    lora_alpha: AlphaSpec = 32
    """
    Scaling numerator; a number, or a multiple of the rank such as 2r.
    """
    lora_dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0
    """
    Dropout on the adapter's input.
    """
    target_modules: Literal["all-linear"] | TargetModules = "all-linear"
    """
    Layers to adapt: all-linear, or name suffixes such as q_proj.
    """
    modules_to_save: list[str] | None = None
    """
    Modules trained and saved whole beside the adapter.
    """
    init_lora_weights: bool = True
    """
    Start as PEFT does: A random, B zero, so that training starts from the base itself.
    """
    use_rslora: bool = False
    """
    Scale by alpha/sqrt(r) instead of alpha/r.
    """
    use_dora: bool = False
    """
    Weight-decomposed LoRA.
    """
    loraplus_lr_ratio: LoraplusLrRatio | None = None
    """
    LoRA+: the rate of B over the rate of A.
    """


class MergeOutputRecipe(Wire):
    method: str
    compute_dtype: str
    dtype: str


MetricName = TypeAliasType(
    "MetricName",
    Literal[
        "eval_loss",
        "perplexity",
        "bits_per_byte",
        "token_accuracy",
        "exact_match",
        "f1",
        "accuracy",
        "macro_f1",
    ],
)


Metrics = TypeAliasType("Metrics", dict[str, float])


class ModelSpec(Spec):
    model_config = ConfigDict(
        extra="forbid",
    )
    model_name_or_path: Annotated[str, Field(min_length=1)]
    """
    Hub id or local folder (safetensors weights) of the base model.
    """
    revision: str | None = None
    """
    Commit of the hub repository; required to be pinned for hub models to be reproducible.
    """
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """
    Compute dtype of the frozen base. auto: bfloat16 on CUDA, float32 on CPU.
    """
    load_in_4bit: bool = False
    """
    Quantise the base to 4 bits (CUDA only).
    """


ExportDir = TypeAliasType("ExportDir", Annotated[str, Field(min_length=1)])
"""
Also copy the outputs to `adapter` and `merged` in this folder; such folders of a former run are replaced.
"""


PushToHub = TypeAliasType("PushToHub", Annotated[str, Field(min_length=1)])
"""
Hub repository to upload the adapter to (needs HF_TOKEN).
"""


class OutputSpec(Spec):
    model_config = ConfigDict(
        extra="forbid",
    )
    merge: Literal["best", "none"] = "none"
    """
    Merge the winner into the base and check it.
    """
    export_dir: ExportDir | None = None
    """
    Also copy the outputs to `adapter` and `merged` in this folder; such folders of a former run are replaced.
    """
    push_to_hub: PushToHub | None = None
    """
    Hub repository to upload the adapter to (needs HF_TOKEN).
    """
    format: Literal["peft", "gguf", "sharded"] = "peft"
    """
    Format of the published adapter.
    """


class PackSpec(Spec):
    model_config = ConfigDict(
        extra="forbid",
    )
    enabled: Literal["auto"] | bool = "auto"
    """
    Train the trials that share a base together in one step; takes effect with packed training. Until then they take turns over one copy of the base, and true is refused.
    """
    max_adapters: Annotated[int, Field(gt=0)] = 32
    """
    Trials that one engine trains at once, at most; takes effect with packed training. Until then BELAY_SLOTS of the GPU worker decides.
    """
    max_tokens_per_step: Annotated[int, Field(gt=0)] = 8192
    """
    Tokens of one packed step, over all its trials; takes effect with packed training. Until then no step is packed.
    """
    memory_fraction: Annotated[float, Field(gt=0.0, le=1.0)] = 0.9
    """
    Share of the device's memory that may be planned for.
    """


class PlacementSpec(Spec):
    model_config = ConfigDict(
        extra="forbid",
    )
    backend: Literal["queue", "local", "ssh"] | None = None
    """
    Kind of place; null: the dispatcher chooses. Only queue, the pool of GPU workers, is served yet.
    """
    labels: list[str] = []
    """
    Labels that a place must have.
    """
    host: str | None = None
    """
    One place by name.
    """


class ResolvedSpecCode(Wire):
    version: str
    commit: str | None
    dirty: bool


GpuMemoryGib = TypeAliasType("GpuMemoryGib", Annotated[float, Field(ge=0.0)])


Cpus = TypeAliasType("Cpus", Annotated[float, Field(gt=0.0)])


MemoryGib = TypeAliasType("MemoryGib", Annotated[float, Field(gt=0.0)])


class Resources(Wire):
    gpus: Annotated[float, Field(ge=0.0)] = 1
    gpu_memory_gib: GpuMemoryGib | None = None
    cpus: Cpus | None = None
    memory_gib: MemoryGib | None = None


class RungReport(Wire):
    trial: Annotated[int, Field(ge=0)]
    rung: Annotated[int, Field(ge=0)]
    step: Annotated[int, Field(gt=0)]
    value: float | None
    metrics: Metrics
    chain: str | None = None


class SaveSpec(Spec):
    model_config = ConfigDict(
        extra="forbid",
    )
    save_steps: Annotated[int, Field(gt=0)] = 50
    """
    Optimizer steps between checkpoints.
    """
    save_total_limit: Annotated[int, Field(ge=2)] = 2
    """
    Checkpoints kept per trial.
    """


SchedulerType = TypeAliasType(
    "SchedulerType", Literal["constant", "linear", "cosine", "constant_with_warmup"]
)


class SearchPlanMemory(Wire):
    base_bytes: int
    trial_bytes: int
    activation_bytes: int
    total_bytes: int
    device_bytes: int | None


class SearchPlanSkipped(Wire):
    name: str
    shape: list[int]
    count: int
    """
    How many layers have this weight.
    """
    reason: str


class SearchPlanTrainableParams(Wire):
    min: int
    max: int


WaveSize = TypeAliasType("WaveSize", Annotated[int, Field(gt=0, le=256)])
"""
Trials proposed together: when deterministic, once the wave before has ended; else once all of them can start, and never more than may run at once. Default: max_concurrent_trials when deterministic, else as many as there are free places with random and grid, 1 with tpe, gp and cmaes.
"""


NStartupTrials = TypeAliasType("NStartupTrials", Annotated[int, Field(ge=0)])
"""
Random trials before the sampler's model is used; default: min(10, half of num_trials).
"""


class SearchSpecAsha(Spec):
    model_config = ConfigDict(
        extra="forbid",
    )
    grace_steps: Annotated[int, Field(gt=0)] = 50
    """
    Steps before the first verdict.
    """
    reduction_factor: Annotated[int, Field(ge=2)] = 3
    """
    One in this many survives a rung (at least one).
    """


class SearchSpecMedian(Spec):
    model_config = ConfigDict(
        extra="forbid",
    )
    grace_steps: Annotated[int, Field(gt=0)] = 50
    """
    Steps before the first verdict.
    """
    min_trials: Annotated[int, Field(gt=0)] = 4
    """
    Trials seen at a rung before the median counts.
    """


GpuHours = TypeAliasType("GpuHours", Annotated[float, Field(gt=0.0)])
"""
Start no further trial after this much training time.
"""


Patience = TypeAliasType("Patience", Annotated[int, Field(gt=0)])
"""
Start no further trial after this many without an improvement.
"""


class SearchSpecStop(Spec):
    model_config = ConfigDict(
        extra="forbid",
    )
    gpu_hours: GpuHours | None = None
    """
    Start no further trial after this much training time.
    """
    patience: Patience | None = None
    """
    Start no further trial after this many without an improvement.
    """


class SeatGrant(Wire):
    engine_id: str
    task_queue: str
    seat_id: str
    device: str


class SeatRelease(Wire):
    seat_id: str


class SeatRequest(Wire):
    run: str
    subject: str
    base: str
    exclusive: bool = False
    gpu_memory_gib: GpuMemoryGib | None = None


class SecretRef(Wire):
    from_env: str


class SelectBestInput(Wire):
    run: str
    metric: str
    mode: Literal["min", "max"]
    replicates: Annotated[int, Field(gt=0)]


Best = TypeAliasType("Best", Annotated[int, Field(ge=0)])


class SelectBestOutputRanking(Wire):
    trial: int
    value: float
    trainable_params: int | None


Sha256 = TypeAliasType("Sha256", Annotated[str, Field(pattern="^[0-9a-f]{64}$")])


Split = TypeAliasType("Split", Literal["train", "validation", "test"])


Task = TypeAliasType("Task", Literal["causal_lm", "sequence_classification"])


class TellRung(Wire):
    step: int
    value: float | None


Epoch = TypeAliasType("Epoch", Annotated[int, Field(ge=0)])


class TraceEvent(Wire):
    run: str
    source: str
    seq: Annotated[int, Field(ge=0)]
    at: str
    subject: str | None
    epoch: Epoch | None
    kind: str
    data: dict[str, Any]


MaxSteps = TypeAliasType("MaxSteps", Annotated[int, Field(gt=0)])
"""
Optimizer steps; overrides num_train_epochs.
"""


MaxGradNorm = TypeAliasType("MaxGradNorm", Annotated[float, Field(gt=0.0)])
"""
Clip each trial's gradient norm; null: never.
"""


class TrainSpec(Spec):
    model_config = ConfigDict(
        extra="forbid",
    )
    per_device_train_batch_size: Annotated[int, Field(gt=0)] = 2
    """
    Rows per micro-batch.
    """
    gradient_accumulation_steps: Annotated[int, Field(gt=0)] = 4
    """
    Micro-batches per optimizer step.
    """
    num_train_epochs: Annotated[float, Field(gt=0.0)] = 1
    """
    Passes over the training rows, unless max_steps is set.
    """
    max_steps: MaxSteps | None = None
    """
    Optimizer steps; overrides num_train_epochs.
    """
    learning_rate: Annotated[float, Field(gt=0.0)] = 0.0002
    """
    Peak rate. LoRA wants about ten times that of full fine-tuning.
    """
    lr_scheduler_type: SchedulerType = "cosine"
    """
    How the rate goes after the warm-up.
    """
    warmup_ratio: Annotated[float, Field(ge=0.0, le=1.0)] = 0.03
    """
    Share of the steps spent warming up.
    """
    optim: Literal["adamw_torch"] = "adamw_torch"
    """
    Optimizer.
    """
    weight_decay: Annotated[float, Field(ge=0.0)] = 0
    """
    Decoupled weight decay.
    """
    adam_beta1: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.9
    """
    Decay of the first moment.
    """
    adam_beta2: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.999
    """
    Decay of the second moment.
    """
    adam_epsilon: Annotated[float, Field(gt=0.0)] = 1e-08
    """
    Added to the denominator of the update.
    """
    max_grad_norm: MaxGradNorm | None = 1
    """
    Clip each trial's gradient norm; null: never.
    """
    seed: Annotated[int, Field(ge=0, le=2147483647)] = 42
    """
    Seed of initial weights, dropout and row order.
    """
    full_determinism: bool = False
    """
    Bit-identical repeats on the same machine; needed for verification level L3.
    """


class TrainingHeartbeatEvaluation(Wire):
    step: int
    metrics: dict[str, float]


TrainingStatus = TypeAliasType("TrainingStatus", Literal["reached", "diverged", "stopped"])


TargetModules1Item = TypeAliasType("TargetModules1Item", Annotated[str, Field(min_length=1)])


TargetModules1 = TypeAliasType("TargetModules1", Annotated[list[TargetModules1Item], Field(min_length=1)])
"""
Layers to adapt: all-linear, or name suffixes such as q_proj.
"""


class TrialConfigLora(Spec):
    model_config = ConfigDict(
        extra="forbid",
    )
    r: Annotated[int, Field(ge=1)] = 16
    """
    Rank.
    """
    lora_alpha: Annotated[float, Field(gt=0.0)]
    lora_dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0
    """
    Dropout on the adapter's input.
    """
    target_modules: Literal["all-linear"] | TargetModules1 = "all-linear"
    """
    Layers to adapt: all-linear, or name suffixes such as q_proj.
    """
    modules_to_save: list[str] | None = None
    """
    Modules trained and saved whole beside the adapter.
    """
    init_lora_weights: bool = True
    """
    Start as PEFT does: A random, B zero, so that training starts from the base itself.
    """
    use_rslora: bool = False
    """
    Scale by alpha/sqrt(r) instead of alpha/r.
    """
    use_dora: bool = False
    """
    Weight-decomposed LoRA.
    """
    loraplus_lr_ratio: LoraplusLrRatio | None = None
    """
    LoRA+: the rate of B over the rate of A.
    """


TrialEndState = TypeAliasType(
    "TrialEndState", Literal["completed", "pruned", "diverged", "failed", "cancelled"]
)


TrainableParams = TypeAliasType("TrainableParams", Annotated[int, Field(ge=0)])


class TrialOutcomeError(Wire):
    type: str
    message: str


TrialParams = TypeAliasType("TrialParams", dict[str, Choice])


TrialState = TypeAliasType(
    "TrialState",
    Literal[
        "pending",
        "running",
        "waiting",
        "paused",
        "evaluating",
        "storing",
        "completed",
        "pruned",
        "diverged",
        "failed",
        "cancelled",
    ],
)


Verdict = TypeAliasType("Verdict", Literal["continue", "prune"])


class WeightSummary(Wire):
    name: str
    shape: list[int]
    count: int
    """
    How many layers have this weight.
    """


class WeightedSource(Spec):
    model_config = ConfigDict(
        extra="forbid",
    )
    path: Annotated[str, Field(min_length=1)]
    """
    File.
    """
    weight: Annotated[float, Field(gt=0.0)] = 1
    """
    How often its rows are taken: 1 each once, 0.5 half of them, 2 each twice in training.
    """


class ArtifactRef(Wire):
    uri: Annotated[str, Field(pattern="^s3:\\/\\/[^/]+\\/.+")]
    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=0)]
    media_type: str


class CheckpointRef(Wire):
    manifest: ArtifactRef
    step: Annotated[int, Field(ge=0)]
    epoch: Annotated[int, Field(ge=0)]


class CompareInput(Wire):
    base: ArtifactRef
    best: ArtifactRef
    metric: str
    seed: int
    resamples: Annotated[int, Field(gt=0)] = 10000


class DatasetProfileSource(Wire):
    path: str
    rows: int
    weight: float
    sha256: Sha256


class DatasetProfileTemplate(Wire):
    source: str
    sha256: Sha256 | None


class DatasetProfileTokenLengths(Wire):
    histogram: Histogram
    min: int
    median: float
    p95: float
    max: int
    label_tokens: int
    """
    Tokens that carry a loss, over the training rows.
    """


Path1 = TypeAliasType("Path1", Annotated[list[WeightedSource], Field(min_length=1)])
"""
JSONL, JSON, CSV or Parquet file, relative to the experiment file; or a list of {path, weight}, weight a multiple of the file's rows (0.5: half of them; 2: each twice in training).
"""


class DatasetSpec(Spec):
    model_config = ConfigDict(
        extra="forbid",
    )
    path: Path | Path1
    """
    JSONL, JSON, CSV or Parquet file, relative to the experiment file; or a list of {path, weight}, weight a multiple of the file's rows (0.5: half of them; 2: each twice in training).
    """
    val_path: ValPath | None = None
    """
    A validation file; else rows are split off `path`.
    """
    test_path: TestPath | None = None
    """
    A test file; else rows are split off `path`.
    """
    type: Literal["auto"] | DatasetFormat = "auto"
    """
    Row format; auto detects it from the columns and reports which.
    """
    template: Annotated[str, Field(min_length=1)] = "auto"
    """
    Chat template: auto (the tokenizer's own, else plain), none, or a Jinja template's file.
    """
    cutoff_len: Annotated[int, Field(ge=8)] = 1024
    """
    Longest sequence in tokens.
    """
    truncation: Literal["drop", "keep_end", "keep_start"] = "drop"
    """
    What becomes of a longer row. The share is reported.
    """
    val_set_size: Annotated[float, Field(ge=0.0)] = 0.05
    """
    Validation rows: a share below 1, else a count.
    """
    test_set_size: Annotated[float, Field(ge=0.0)] = 0.05
    """
    Test rows: a share below 1, else a count.
    """
    group_by: str | None = None
    """
    Column whose rows must stay in one split.
    """
    train_on_prompt: bool = False
    """
    Also learn the prompt's tokens, not just the completion's.
    """
    packing: bool = False
    """
    Pack rows into full sequences, positions reset at each row.
    """
    max_samples: MaxSamples | None = None
    """
    Use at most this many rows.
    """
    label_column: str | None = None
    """
    Classification: the label's column (default: label, labels, category, class).
    """
    text_column: str | None = None
    """
    Classification and text: the text's column (default: text).
    """
    class_names: list[str] | None = None
    """
    Classification: the classes in order (default: sorted labels of the training rows).
    """
    near_duplicate_threshold: Annotated[float, Field(ge=0.5, le=1.0)] = 0.95
    """
    Jaccard similarity of 5-character shingles from which on two rows count as near-duplicates and stay in one split; of each row's own text, without a prompt that many rows share.
    """
    add_tokens: list[str] = []
    """
    Tokens to add to the tokenizer; trained through modules_to_save.
    """


Distribution = TypeAliasType(
    "Distribution",
    DistributionUniform | DistributionLoguniform | DistributionInt | DistributionLogint | DistributionChoice,
)


class EvalOutput(Wire):
    metrics: Metrics
    metrics_json: ArtifactRef
    per_example: ArtifactRef
    samples: list[EvalOutputSample]
    baselines: dict[str, Metrics] | None
    gpu_seconds: Annotated[float, Field(ge=0.0)]
    examples: int


Metrics1 = TypeAliasType("Metrics1", Annotated[list[MetricName], Field(min_length=1)])
"""
Default: eval_loss, perplexity, token_accuracy; for classification eval_loss, accuracy, macro_f1.
"""


class EvalSpec(Spec):
    model_config = ConfigDict(
        extra="forbid",
    )
    eval_steps: Annotated[int, Field(gt=0)] = 50
    """
    Optimizer steps between evaluations on validation rows.
    """
    metrics: Metrics1 | None = None
    """
    Default: eval_loss, perplexity, token_accuracy; for classification eval_loss, accuracy, macro_f1.
    """
    report_metric: MetricName | None = None
    """
    The score that the report compares base and winner by; default: the first task score among the metrics, else search.metric.
    """
    batch_size: Annotated[int, Field(gt=0)] = 32
    """
    Rows per evaluation batch.
    """
    generation: EvalSpecGeneration = Field(default_factory=EvalSpecGeneration)


class FileDigest(Wire):
    path: str
    sha256: Sha256
    size_bytes: Annotated[int, Field(ge=0)]


class JobContext(Wire):
    run: str
    subject: str
    epoch: Annotated[int, Field(ge=0)]
    resume_from: list[CheckpointRef]
    seat: SeatGrant | None
    release_seat: bool = False


class JobSpec(Wire):
    api_version: Literal["belay/v1"] = "belay/v1"
    kind: Literal["Job"] = "Job"
    entrypoint: Entrypoint
    run: str
    subject: str
    chain: str | None = None
    params: dict[str, Any]
    inputs: Annotated[list[ArtifactRef], Field(validate_default=True)] = []
    outputs: list[str] = []
    resources: Resources = Field(default_factory=Resources)
    placement: PlacementSpec = Field(default_factory=PlacementSpec)
    timeout_seconds: Annotated[int, Field(gt=0)] = 86400
    checkpoint: bool = False
    env: Annotated[dict[str, SecretRef], Field(validate_default=True)] = {}


class NamedArtifact(Wire):
    path: str
    ref: ArtifactRef


class Proposal(Wire):
    trial: Annotated[int, Field(ge=0)]
    params: TrialParams
    model_based: bool


SearchSpace = TypeAliasType(
    "SearchSpace",
    dict[
        Literal[
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
        ],
        Distribution,
    ],
)


class SearchSpec(Spec):
    model_config = ConfigDict(
        extra="forbid",
    )
    sampler: Literal["random", "grid", "tpe", "gp", "cmaes"] = "tpe"
    """
    How parameters are proposed.
    """
    pruner: Literal["none", "median", "asha", "hyperband"] = "none"
    """
    How poor trials are ended early.
    """
    num_trials: Annotated[int, Field(gt=0, le=10000)] = 32
    """
    Trials to run.
    """
    max_concurrent_trials: Annotated[int, Field(gt=0, le=256)] = 8
    """
    Trials under way at once, at most.
    """
    wave_size: WaveSize | None = None
    """
    Trials proposed together: when deterministic, once the wave before has ended; else once all of them can start, and never more than may run at once. Default: max_concurrent_trials when deterministic, else as many as there are free places with random and grid, 1 with tpe, gp and cmaes.
    """
    n_startup_trials: NStartupTrials | None = None
    """
    Random trials before the sampler's model is used; default: min(10, half of num_trials).
    """
    deterministic: bool = False
    """
    Waves and synchronous rungs, so that a repeat makes the same proposals and verdicts.
    """
    replicates: Annotated[int, Field(gt=0, le=10)] = 1
    """
    Seeds per finalist: above 1, the top three trials are rerun with new seeds and judged by their mean.
    """
    seed: Annotated[int, Field(ge=0, le=2147483647)] = 7
    """
    Seed of the proposals and of the splits.
    """
    metric: str = "eval_loss"
    """
    The objective, measured on validation rows.
    """
    mode: Literal["min", "max"] = "min"
    """
    Whether a smaller or a larger metric is better.
    """
    stop: SearchSpecStop = Field(default_factory=SearchSpecStop)
    space: Annotated[Literal["auto"] | SearchSpace, Field(validate_default=True)] = "auto"
    """
    Ranges by key; auto proposes them from the data set and the model, with reasons.
    """
    asha: SearchSpecAsha = Field(default_factory=SearchSpecAsha)
    median: SearchSpecMedian = Field(default_factory=SearchSpecMedian)


class SelectBestOutput(Wire):
    best: Best | None
    reason: str
    ranking: Annotated[list[SelectBestOutputRanking], Field(max_length=20)]


class Tell(Wire):
    ordinal: Annotated[int, Field(ge=0)]
    trial: Annotated[int, Field(ge=0)]
    params: TrialParams
    state: TrialEndState
    value: float | None
    rungs: list[TellRung]


class TellInput(Wire):
    run: str
    mode: Literal["min", "max"]
    space: SearchSpace
    trials: list[Trial]


class TokenisedDataset(Wire):
    splits: dict[Split, ArtifactRef]
    sha256: Sha256
    class_names: list[str] | None


class TrainingHeartbeat(Wire):
    trial: int
    step: int
    total_steps: int
    loss: float | None
    evaluation: TrainingHeartbeatEvaluation | None = None
    checkpoint: CheckpointRef | None
    gpu_seconds: Annotated[float, Field(ge=0.0)] = 0


class TrainingOutput(Wire):
    status: TrainingStatus
    step: Annotated[int, Field(ge=0)]
    metrics: Metrics
    checkpoint: CheckpointRef | None
    adapter_sha256: str | None
    init_sha256: str | None
    resumed_from_step: Annotated[int, Field(ge=0)]
    trainable_params: Annotated[int, Field(ge=0)]
    gpu_seconds: Annotated[float, Field(ge=0.0)]
    label_tokens: Annotated[int, Field(ge=0)]
    wal_segments: list[ArtifactRef]


class TrialConfig(Wire):
    train: TrainSpec
    lora: TrialConfigLora


class TrialOutcome(Wire):
    trial: Annotated[int, Field(ge=0)]
    state: TrialEndState
    value: float | None
    step: Annotated[int, Field(ge=0)]
    metrics: Metrics
    trainable_params: TrainableParams | None
    gpu_seconds: Annotated[float, Field(ge=0.0)]
    checkpoint: CheckpointRef | None
    adapter: list[NamedArtifact] | None
    adapter_sha256: str | None
    init_sha256: str | None = None
    error: TrialOutcomeError | None
    chain: str | None = None


class AskInput(Wire):
    run: str
    search: SearchSpec
    space: SearchSpace
    trials: Annotated[list[Trial], Field(min_length=1)]
    tell_count: Annotated[int, Field(ge=0)]
    pending: list[PendingItem]


class AskOutput(Wire):
    proposals: list[Proposal]
    exhausted: bool


class CheckpointManifest(Wire):
    schema_version: Literal[1]
    run: str
    trial: int
    trial_id: str
    epoch: Annotated[int, Field(ge=0)]
    step: Annotated[int, Field(ge=0)]
    metrics: dict[str, float]
    files: list[NamedArtifact]


class DatasetAnalyzeInput(Wire):
    run: str
    task: Task
    model: ModelSpec
    dataset: DatasetSpec
    seed: int


class DatasetProfile(Wire):
    schema_version: Literal[1]
    format: DatasetFormat
    format_reason: str
    columns: list[str]
    rows: DatasetProfileRows
    sources: list[DatasetProfileSource]
    token_lengths: DatasetProfileTokenLengths
    truncation: DatasetProfileTruncation
    duplicates: DatasetProfileDuplicates
    leakage: DatasetProfileLeakage
    labels: list[DatasetProfileLabel] | None
    groups: DatasetProfileGroups | None
    template: DatasetProfileTemplate
    bytes_per_token: float
    examples: list[DatasetProfileExample]
    """
    A few training rows, as the model sees them.
    """
    warnings: list[str]


class DatasetSummary(Wire):
    profile: ArtifactRef
    tokenised: TokenisedDataset
    rows: DatasetSummaryRows
    format: DatasetFormat
    dataset_sha256: Sha256
    split_sha256: Sha256
    tokenizer_sha256: Sha256
    tokenizer: list[NamedArtifact] | None = None
    template_sha256: Sha256 | None
    label_tokens: int
    max_length: int
    packs: Packs | None = None
    warnings: list[str]


class EvalInput(Wire):
    job: JobContext
    label: str
    task: Task
    model: ModelSpec
    dataset: TokenisedDataset
    checkpoint: CheckpointRef | None
    split: Split
    metrics: list[MetricName]
    eval: EvalSpec
    baselines: bool = False


class ExperimentSpec(Spec):
    model_config = ConfigDict(
        extra="forbid",
    )
    name: Annotated[str, Field(pattern="^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$")]
    """
    Part of the run's id.
    """
    description: Annotated[str, Field(max_length=2000)] = ""
    """
    Shown in the report and in the Temporal UI.
    """
    task: Task = "causal_lm"
    """
    What is learnt: text, or a class.
    """
    model: ModelSpec
    dataset: DatasetSpec
    train: TrainSpec = Field(default_factory=TrainSpec)
    lora: LoraSpec = Field(default_factory=LoraSpec)
    search: SearchSpec = Field(default_factory=SearchSpec)
    eval: EvalSpec = Field(default_factory=EvalSpec)
    save: SaveSpec = Field(default_factory=SaveSpec)
    pack: PackSpec = Field(default_factory=PackSpec)
    placement: PlacementSpec = Field(default_factory=PlacementSpec)
    output: OutputSpec = Field(default_factory=OutputSpec)


class HubPushInput(Wire):
    job: JobContext
    repo: str
    files: list[NamedArtifact]


class MergeInput(Wire):
    job: JobContext
    task: Task
    model: ModelSpec
    dataset: TokenisedDataset
    checkpoint: CheckpointRef


class MergeOutput(Wire):
    files: list[NamedArtifact]
    max_logit_difference: float
    tolerance: float
    passed: bool
    rows: int
    recipe: MergeOutputRecipe | None = None


class ResolvedSpec(Wire):
    spec: ExperimentSpec
    spec_sha256: Sha256
    model_files: list[FileDigest]
    dataset_files: list[FileDigest]
    inputs_sha256: Sha256 | None = None
    code: ResolvedSpecCode


class SearchPlan(Wire):
    space: SearchSpace
    proposed: bool
    reasons: dict[str, str]
    adapted: list[WeightSummary]
    skipped: list[SearchPlanSkipped]
    base_params: int
    trainable_params: SearchPlanTrainableParams
    memory: SearchPlanMemory
    total_steps: Annotated[int, Field(gt=0)]
    warnings: list[str]


class TrainingInput(Wire):
    job: JobContext
    trial: Annotated[int, Field(ge=0)]
    task: Task
    model: ModelSpec
    dataset: TokenisedDataset
    config: TrialConfig
    eval: EvalSpec
    save: SaveSpec
    target_step: Annotated[int, Field(gt=0)]
    total_steps: Annotated[int, Field(gt=0)]
    park_seconds: Annotated[float, Field(ge=0.0)] = 0


class BuildSearchSpaceInput(Wire):
    run: str
    task: Task
    model: ModelSpec
    dataset: DatasetSummary
    train: TrainSpec
    lora: LoraSpec
    search: SearchSpec
    eval: EvalSpec
    pack: PackSpec
