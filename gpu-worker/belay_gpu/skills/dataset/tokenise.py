"""Assigned rows as the tokenised splits that trials share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerBase

from belay_gpu.contracts import DatasetAnalyzeInput, DatasetSpec
from belay_gpu.data.packing import pack_rows
from belay_gpu.data.tokenised import SplitInfo, TokenisedSplit
from belay_gpu.skills.dataset.encoding import Encoded, Encoder, cut
from belay_gpu.skills.dataset.expected import expected_answers
from belay_gpu.skills.dataset.files import Row, invalid
from belay_gpu.skills.dataset.rendering import Rendered, Template, render
from belay_gpu.skills.dataset.table import Table
from belay_gpu.skills.failures import SkillError

Splits = Mapping[str, Sequence[int]]


@dataclass(frozen=True)
class Texts:
    """The assigned rows by number, as text and as tokens.

    Attributes:
        rendered: as text.
        whole: as tokens, nothing cut.
        expected: the answers that generation is compared with.
        kept: as tokens within `longest`; dropped rows are not there.
        longest: tokens that a sequence may have.
    """

    rendered: dict[int, Rendered]
    whole: dict[int, Encoded]
    expected: dict[int, str]
    kept: dict[int, Encoded]
    longest: int

    def without_dropped(self, splits: Splits) -> dict[str, list[int]]:
        """Rows that are left.

        Raises:
            SkillError: InvalidDataset where a split is emptied.
        """
        used = {name: [row for row in members if row in self.kept] for name, members in splits.items()}
        for name, members in splits.items():
            if members and not used[name]:
                shortest = min(self.whole[row].length for row in members)
                raise invalid(
                    f"every {name} row is longer than dataset.cutoff_len {self.longest} (the shortest has "
                    f"{shortest} tokens); raise it, or set dataset.truncation to keep_start or keep_end"
                )
        return used


def encode_rows(
    table: Table,
    splits: Splits,
    request: DatasetAnalyzeInput,
    template: Template,
    tokenizer: PreTrainedTokenizerBase,
    limit: int | None,
) -> Texts:
    """Renders, tokenises and cuts every assigned row.

    Raises:
        SkillError: InvalidDataset.
        EngineError: ModelUnavailable or StorageUnavailable, where the hub is to be asked about the base.
    """
    spec = request.dataset
    numbers = sorted({row for members in splits.values() for row in members})
    rendered = {row: _render(table, row, template, tokenizer, spec.train_on_prompt) for row in numbers}
    encoder = Encoder(tokenizer, teaches_end=request.task == "causal_lm")
    whole = dict(zip(numbers, encoder.encode(list(rendered.values())), strict=True))
    longest = _longest(spec, limit, whole, table.rows)
    cuts = {row: cut(one, longest, spec.truncation) for row, one in whole.items()}
    kept = {row: one for row, one in cuts.items() if one is not None}
    expected = expected_answers(rendered, whole, request.model, tokenizer)
    return Texts(rendered, whole, expected, kept, longest)


def _render(
    table: Table, row: int, template: Template, tokenizer: PreTrainedTokenizerBase, train_on_prompt: bool
) -> Rendered:
    try:
        return render(table.examples[row], template, tokenizer, train_on_prompt)
    except SkillError as error:
        raise invalid(f"{table.rows[row].place}: {error.message}") from error


def _longest(spec: DatasetSpec, limit: int | None, whole: Mapping[int, Encoded], rows: Sequence[Row]) -> int:
    """`cutoff_len`; or the model's limit, where that is lower and no row is longer."""
    if limit is None or spec.cutoff_len <= limit:
        return spec.cutoff_len
    for row, one in whole.items():
        if one.length > limit:
            raise invalid(
                f"{rows[row].place}: {one.length} tokens, but the model takes at most {limit} and "
                f"dataset.cutoff_len is {spec.cutoff_len}; set cutoff_len to at most {limit} (longer rows "
                "are then treated as dataset.truncation says)"
            )
    return limit


def tokenised_split(
    name: str,
    members: Sequence[int],
    request: DatasetAnalyzeInput,
    texts: Texts,
    template: Template,
    tokenizer: PreTrainedTokenizerBase,
    class_ids: Mapping[int, int] | None,
    class_names: list[str] | None,
) -> TokenisedSplit:
    """One split as it is stored. `class_ids`: by row number."""
    chosen = [texts.kept[row] for row in members]
    lengths = [len(one.ids) for one in chosen]
    end: Any = tokenizer.eos_token_id
    pad: Any = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else end
    return TokenisedSplit(
        info=SplitInfo(
            task=request.task,
            split=name,
            max_length=texts.longest,
            pad_token_id=0 if pad is None else pad,
            eos_token_id=end,
            class_names=class_names,
            added_tokens=list(request.dataset.add_tokens),
            chat_template=None if template.is_own else template.jinja,
        ),
        input_ids=np.concatenate([one.ids for one in chosen]),
        labels=np.concatenate([one.labels for one in chosen]),
        row_offsets=np.cumsum([0, *lengths], dtype=np.int64),
        prompt_lengths=np.array([one.prompt_length for one in chosen], dtype=np.int32),
        completion_bytes=np.array([one.learnt_bytes for one in chosen], dtype=np.int32),
        row_ids=np.array(members, dtype=np.int64),
        class_ids=None if class_ids is None else np.array([class_ids[r] for r in members], dtype=np.int32),
        prompts=[texts.rendered[row].prompt for row in members],
        completions=[texts.expected[row] for row in members],
        bins=pack_rows(lengths, texts.longest) if request.dataset.packing and name == "train" else [],
    )
