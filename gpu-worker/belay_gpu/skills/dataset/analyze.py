"""dataset.analyze: from files to tokenised splits and a profile. Equal files and seeds give equal bytes."""

from __future__ import annotations

from dataclasses import dataclass

from belay_gpu.canonical import canonical_json, sha256_bytes
from belay_gpu.contracts import DatasetAnalyzeInput, DatasetProfile
from belay_gpu.data.tokenised import TokenisedSplit
from belay_gpu.skills.dataset.assign import assign
from belay_gpu.skills.dataset.files import invalid
from belay_gpu.skills.dataset.formats import Conversation
from belay_gpu.skills.dataset.labels import choose_classes
from belay_gpu.skills.dataset.mixing import repeated
from belay_gpu.skills.dataset.model_limits import longest_sequence, read_tokenizer, tokenizer_sha256
from belay_gpu.skills.dataset.rendering import choose_template
from belay_gpu.skills.dataset.report import Findings, build_profile
from belay_gpu.skills.dataset.table import groups_of, read_table
from belay_gpu.skills.dataset.tokenise import encode_rows, tokenised_split
from belay_gpu.skills.dataset.tokenizer_files import tokenizer_files


@dataclass(frozen=True)
class Analysis:
    """Everything that is stored or answered."""

    profile: DatasetProfile
    splits: dict[str, TokenisedSplit]
    class_names: list[str] | None
    dataset_sha256: str
    split_sha256: str
    tokenizer_sha256: str
    tokenizer_files: dict[str, bytes]
    template_sha256: str | None
    max_length: int
    packs: int | None


def analyze(request: DatasetAnalyzeInput) -> Analysis:
    """Reads, checks, splits and tokenises a data set.

    Raises:
        SkillError: InvalidDataset or ModelUnavailable, one line each.
        EngineError: ModelUnavailable or StorageUnavailable, where the hub is to be asked about the base.
    """
    spec = request.dataset
    if spec.packing and request.task == "sequence_classification":
        raise invalid("dataset.packing: rows with a label each cannot be packed; set it to false")
    table = read_table(request.task, spec)
    groups = groups_of(table, spec.group_by)
    splits = assign(table, spec, groups, request.seed)
    labels = table.labels
    classes = None if labels is None else choose_classes(spec.class_names, splits, labels, table.rows)
    tokenizer = read_tokenizer(request.task, request.model, spec)
    template = choose_template(spec.template, tokenizer, isinstance(table.examples[0], Conversation))
    limit = longest_sequence(request.model, tokenizer)
    texts = encode_rows(table, splits, request, template, tokenizer, limit)
    used = texts.without_dropped(splits)
    if labels is not None:
        choose_classes(spec.class_names, used, labels, table.rows)  # none was lost with the dropped rows
    used["train"] = repeated(used["train"], table.source_of, table.weights, table.sha256, request.seed)
    class_ids = None
    if classes is not None and labels is not None:
        class_ids = {row: classes.index(labels[row]) for rows in used.values() for row in rows}
    tokenised = {
        name: tokenised_split(name, rows, request, texts, template, tokenizer, class_ids, classes)
        for name, rows in used.items()
        if rows
    }
    longest = max(len(texts.kept[row].ids) for rows in used.values() for row in rows)
    return Analysis(
        profile=build_profile(
            Findings(request, table, groups, splits, used, classes, template, texts), tokenizer
        ),
        splits=tokenised,
        class_names=classes,
        dataset_sha256=table.sha256,
        split_sha256=sha256_bytes(canonical_json(used)),
        tokenizer_sha256=tokenizer_sha256(tokenizer),
        tokenizer_files=tokenizer_files(tokenizer, template),
        template_sha256=template.sha256,
        max_length=texts.longest if spec.packing else longest,
        packs=len(tokenised["train"].bins) or None,
    )
