"""The profile of a data set, put together from what the walk found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from transformers import PreTrainedTokenizerBase

from belay_gpu.contracts import (
    DatasetAnalyzeInput,
    DatasetProfile,
    DatasetProfileDuplicates,
    DatasetProfileExample,
    DatasetProfileGroups,
    DatasetProfileRows,
    DatasetProfileSource,
    DatasetProfileTemplate,
    DatasetProfileTruncation,
)
from belay_gpu.skills.dataset import profile as facts
from belay_gpu.skills.dataset.clock import TODAY
from belay_gpu.skills.dataset.mixing import taken
from belay_gpu.skills.dataset.profile import agreeing, counted, share
from belay_gpu.skills.dataset.rendering import Template
from belay_gpu.skills.dataset.table import Table
from belay_gpu.skills.dataset.tokenise import Texts

SHOWN_EXAMPLES = 3
# Share of unknown tokens at which a warning is due: a rare sign here and there does no harm.
FEWEST_UNKNOWN = 0.02
FEW_ROWS_OF_A_CLASS = 8


@dataclass(frozen=True)
class Findings:
    """What the walk found. `splits`: as assigned; `used`: without dropped rows, and with repeats."""

    request: DatasetAnalyzeInput
    table: Table
    groups: Mapping[int, str]
    splits: dict[str, list[int]]
    used: dict[str, list[int]]
    classes: list[str] | None
    template: Template
    texts: Texts

    @cached_property
    def members(self) -> list[int]:
        """Rows that take part."""
        return sorted({row for rows in self.splits.values() for row in rows})

    @cached_property
    def duplicates(self) -> DatasetProfileDuplicates:
        return facts.duplicates(self.members, self.table.likeness, self.table.rows)

    @cached_property
    def cut_rows(self) -> int:
        return sum(one.length > self.texts.longest for one in self.texts.whole.values())


def build_profile(found: Findings, tokenizer: PreTrainedTokenizerBase) -> DatasetProfile:
    """The profile as it is stored and shown."""
    table, texts, spec = found.table, found.texts, found.request.dataset
    members = found.members
    lengths = [texts.whole[row].length for row in members]
    train = found.used["train"]
    size = sum(len(texts.rendered[row].text.encode("utf-8", "replace")) for row in members)
    labels = table.labels
    return DatasetProfile(
        schema_version=1,
        format=table.format,
        format_reason=table.format_reason,
        columns=table.columns,
        rows=DatasetProfileRows(
            read=len(table.rows),
            used=len(members),
            train=len(train),
            validation=len(found.used["validation"]),
            test=len(found.used["test"]),
        ),
        sources=_sources(table),
        token_lengths=facts.token_lengths(lengths, sum(texts.kept[row].label_tokens for row in train)),
        truncation=DatasetProfileTruncation(
            policy=spec.truncation, rows=found.cut_rows, share=found.cut_rows / len(members)
        ),
        duplicates=found.duplicates,
        leakage=facts.leakage(found.splits, table.likeness, found.groups, table.rows),
        labels=None
        if found.classes is None or labels is None
        else facts.label_counts(found.classes, found.used, labels),
        groups=None
        if spec.group_by is None
        else DatasetProfileGroups(
            column=spec.group_by, count=len({found.groups[row] for row in table.source_of})
        ),
        template=DatasetProfileTemplate(source=found.template.source, sha256=found.template.sha256),
        bytes_per_token=size / max(1, sum(lengths)),
        examples=[_as_the_model_sees(found, row, tokenizer) for row in train[:SHOWN_EXAMPLES]],
        warnings=[*_unknown_tokens(found, tokenizer), *_warnings(found)],
    )


def _sources(table: Table) -> list[DatasetProfileSource]:
    files = [*zip(table.sources, table.weights, strict=True), *((file, 1.0) for file in table.given.values())]
    return [
        DatasetProfileSource(path=str(file.path), rows=len(file.rows), weight=weight, sha256=file.sha256)
        for file, weight in files
    ]


def _as_the_model_sees(
    found: Findings, row: int, tokenizer: PreTrainedTokenizerBase
) -> DatasetProfileExample:
    one = found.texts.kept[row]
    if found.classes is not None:
        prompt, completion = str(tokenizer.decode(one.ids.tolist())), found.texts.rendered[row].completion
    else:
        prompt = str(tokenizer.decode(one.ids[: one.prompt_length].tolist()))
        completion = str(tokenizer.decode(one.ids[one.prompt_length :].tolist()))
    return DatasetProfileExample(prompt=prompt, completion=completion)


def _unknown_tokens(found: Findings, tokenizer: PreTrainedTokenizerBase) -> Iterator[str]:
    unknown = tokenizer.unk_token_id
    # GPT-2's is its end of sequence, which every row has.
    if unknown is None or unknown == tokenizer.eos_token_id:
        return
    rows = found.texts.kept.values()
    total, count = sum(len(one.ids) for one in rows), sum(int((one.ids == unknown).sum()) for one in rows)
    if count >= FEWEST_UNKNOWN * total:
        yield (
            f"{share(count, total)} of the tokens are {tokenizer.unk_token}: the model's tokenizer does not "
            "know this text, and what is learnt instead of it is worth nothing; use a model of this language "
            "and kind of text"
        )


def _warnings(found: Findings) -> Iterator[str]:
    table, cut = found.table, found.cut_rows
    if cut:
        its = agreeing(cut, "its", "their")
        done = {"drop": "left out", "keep_start": f"cut at {its} end", "keep_end": f"cut at {its} start"}
        yield (
            f"{counted(cut, 'row')} ({share(cut, len(found.members))}) {agreeing(cut, 'has', 'have')} more "
            f"than {found.texts.longest} tokens and {agreeing(cut, 'was', 'were')} "
            f"{done[found.request.dataset.truncation]}"
        )
    unused = sum(
        len(rows) - taken(len(rows), weight)
        for rows, weight in zip(table.source_rows, table.weights, strict=True)
    )
    if unused:
        yield (
            f"{unused:,} of {counted(len(table.rows), 'row')} {agreeing(unused, 'is', 'are')} left out by "
            "the weights of dataset.path: one below 1 takes that share of its file's rows"
        )
    twice = found.duplicates
    if twice.exact + twice.near:
        told = _alike(twice.exact, twice.near, "", "repeats another", "repeat another")
        yield f"{told}; such rows share a split ({'; '.join(twice.examples)})"
    leaked = facts.leakage(found.splits, table.likeness, {}, table.rows)
    if leaked.exact + leaked.near:
        where = " of the validation or test file"
        split = "in an earlier split"
        told = _alike(leaked.exact, leaked.near, where, f"occurs {split}", f"occur {split}")
        yield f"leakage: {told}, so scores on them say too much ({'; '.join(leaked.examples)})"
    yield from _group_warnings(found)
    yield from _template_warnings(found)
    split_rows = sum(one.was_split for one in found.texts.whole.values())
    if split_rows:
        yield (
            f"in {counted(split_rows, 'row')} a token would span the border of prompt and completion, so "
            f"{agreeing(split_rows, 'it was', 'they were')} tokenised apart; ending prompts with a space or "
            "line break avoids it"
        )
    if not found.used["test"]:
        yield "no test rows: base and winner cannot be compared on rows that the search has not seen"
    yield from _label_warnings(found)


def _alike(exact: int, near: int, of: str, does: str, do: str) -> str:
    """`2 rows repeat another and 1 nearly does`, without what there is none of."""
    if not exact:
        return f"{counted(near, 'row')}{of} nearly {agreeing(near, does, do)}"
    also = f" and {near:,} nearly {agreeing(near, 'does', 'do')}" if near else ""
    return f"{counted(exact, 'row')}{of} {agreeing(exact, does, do)}{also}"


def _template_warnings(found: Findings) -> Iterator[str]:
    if found.template.writes_the_date:
        yield f"the chat template writes the date; it is fixed to {TODAY:%d %b %Y} in every row"
    conversations = [one for one in found.texts.rendered.values() if not one.learns_all]
    lost = sum(one.rewritten_turns for one in conversations)
    if lost:
        yield (
            f"{lost:,} of {sum(one.turns for one in conversations):,} assistant turns "
            f"{agreeing(lost, 'carries', 'carry')} no loss: the template rewrites earlier turns; mark them "
            "with {% generation %}"
        )


def _group_warnings(found: Findings) -> Iterator[str]:
    column, table = found.request.dataset.group_by, found.table
    if column is None:
        return
    shared = facts.shared_groups(found.splits, found.groups)
    if shared:
        names = sorted({found.groups[row] for _, row in shared})
        yield (
            f"leakage: {counted(len(shared), 'row')} of the validation or test file "
            f"{agreeing(len(shared), 'is', 'are')} of "
            f"{counted(len(names), 'group')} (dataset.group_by: {column}) that an earlier split has as well, "
            f"so scores on them say too much ({', '.join(names[:5])})"
        )
    for name, rows in table.given_rows.items():
        without = [row for row in rows if row not in found.groups]
        if without:
            yield (
                f"{counted(len(without), f'{name} row')} {agreeing(len(without), 'has', 'have')} no column "
                f"{column} (dataset.group_by), so it cannot be told whether "
                f"{agreeing(len(without), 'its group is', 'their groups are')} trained on "
                f"({table.rows[without[0]].place})"
            )


def _label_warnings(found: Findings) -> Iterator[str]:
    labels = found.table.labels
    if labels is None or found.classes is None:
        return
    both = facts.contradictions(found.members, found.table.likeness, labels)
    if both:
        have = agreeing(both, "has", "have")
        yield f"{counted(both, 'row')} {have} a text that also occurs under another label"
    rare = [c for c in facts.label_counts(found.classes, found.used, labels) if c.train < FEW_ROWS_OF_A_CLASS]
    if rare:
        names = ", ".join(f"{c.name} ({c.train})" for c in rare[:5])
        yield f"fewer than {FEW_ROWS_OF_A_CLASS} training rows of {len(rare)} of the classes: {names}"
    untested = [c.name for c in facts.label_counts(found.classes, found.used, labels) if not c.validation]
    if untested:
        yield f"no validation row of {', '.join(untested[:5])}: trials are not compared on it"
