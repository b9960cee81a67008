"""Rendered rows as tokens: what carries a loss, where the prompt ends, that the end is taught, what is cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from belay_gpu.data.tokenised import IGNORED
from belay_gpu.skills.dataset.rendering import Rendered

Truncation = Literal["drop", "keep_end", "keep_start"]
BATCH = 1000


@dataclass(frozen=True)
class Encoded:
    """One row as tokens. `length`: tokens before anything was cut."""

    ids: NDArray[np.int32]
    labels: NDArray[np.int32]
    prompt_length: int
    learnt_bytes: int
    length: int
    was_split: bool = False

    @property
    def label_tokens(self) -> int:
        # The first token is predicted from nothing, so it never carries a loss.
        return int((self.labels[1:] != IGNORED).sum())


class Encoder:
    """Turns rendered rows into tokens with one tokenizer."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, teaches_end: bool) -> None:
        """`teaches_end`: rows end with the end-of-sequence token, and it is learnt."""
        self._tokenizer = tokenizer
        self._end = tokenizer.eos_token_id if teaches_end else None
        self._special = set(tokenizer.all_special_ids)

    def encode(self, rows: Sequence[Rendered]) -> Iterator[Encoded]:
        """One result per row, in order."""
        waiting = iter(rows)
        while batch := list(islice(waiting, BATCH)):
            # A batch of one setting: some rows have their special tokens in the text, others get the tokenizer's.
            for templated in (True, False):
                if any(row.is_templated != templated for row in batch):
                    continue
                tokens = self._tokens([row.text for row in batch], specials=not templated)
                for row, ids, offsets in zip(
                    batch, tokens["input_ids"], tokens["offset_mapping"], strict=True
                ):
                    yield self._encode(row, ids, offsets)

    def _tokens(self, texts: list[str], specials: bool) -> Any:
        return self._tokenizer(
            texts,
            add_special_tokens=specials,
            return_offsets_mapping=True,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )

    def _encode(self, row: Rendered, ids: list[int], offsets: list[tuple[int, int]]) -> Encoded:
        borders = sorted({row.prompt_end, *(at for span in row.learnt for at in span)} - {0, len(row.text)})
        was_split = any(start < at < end for at in borders for start, end in offsets)
        if was_split:
            ids, offsets = self._in_pieces(row, borders)
        learnt = [_is_within(at, row.learnt) for at in offsets]
        ids, learnt, offsets = self._with_end(row, ids, learnt, offsets)
        prompt = sum(
            1 for start, end in offsets if row.prompt_end and (end <= row.prompt_end and start < end)
        )
        # Special tokens of the tokenizer's own lie before the prompt and span no text.
        if row.prompt_end:
            prompt += next((i for i, (start, end) in enumerate(offsets) if start < end), 0)
        array = np.array(ids, dtype=np.int32)
        labels = np.where(np.array(learnt, dtype=bool), array, np.int32(IGNORED)).astype(np.int32)
        spelt = sum(len(row.text[start:end].encode("utf-8", "replace")) for start, end in row.learnt)
        spelt -= sum(
            len(row.text[start:end].encode("utf-8", "replace"))
            for token, (start, end), counts in zip(ids, offsets, learnt, strict=True)
            if counts and token in self._special
        )
        return Encoded(array, labels, prompt, max(spelt, 0), len(ids), was_split)

    def _in_pieces(self, row: Rendered, borders: list[int]) -> tuple[list[int], list[tuple[int, int]]]:
        """Tokenised apart at the borders, where a token would span one."""
        cuts = [0, *borders, len(row.text)]
        ids: list[int] = []
        offsets: list[tuple[int, int]] = []
        for number, (start, end) in enumerate(zip(cuts, cuts[1:], strict=False)):
            piece = self._tokens([row.text[start:end]], specials=number == 0 and not row.is_templated)
            kept = self._without_end(piece["input_ids"][0], piece["offset_mapping"][0])
            ids += [token for token, _ in kept]
            offsets += [(a + start, b + start) if b > a else (0, 0) for _, (a, b) in kept]
        return ids, offsets

    def _without_end(
        self, ids: list[int], offsets: list[tuple[int, int]]
    ) -> list[tuple[int, tuple[int, int]]]:
        """Without special tokens that the tokenizer put behind the text."""
        pairs = list(zip(ids, offsets, strict=True))
        while pairs and pairs[-1][0] in self._special and pairs[-1][1][0] == pairs[-1][1][1]:
            pairs.pop()
        return pairs

    def _with_end(
        self, row: Rendered, ids: list[int], learnt: list[bool], offsets: list[tuple[int, int]]
    ) -> tuple[list[int], list[bool], list[tuple[int, int]]]:
        """Ends every learnt part with the end-of-sequence token, and learns nothing behind it."""
        end = self._end
        if end is None or not any(learnt):
            return ids, learnt, offsets
        pairs = self._without_end(ids, offsets)
        ids, offsets = [token for token, _ in pairs], [at for _, at in pairs]
        learnt = learnt[: len(ids)]
        for start, stop in row.learnt if row.is_templated else ():
            inside = [i for i, at in enumerate(offsets) if _is_within(at, ((start, stop),))]
            ends = [i for i in inside if ids[i] == end]
            if ends and stop - start < len(row.text):
                for i in inside:
                    learnt[i] = i <= ends[-1]
        last = max((i for i, counts in enumerate(learnt) if counts), default=len(ids) - 1)
        if ids[last] == end:
            return ids, learnt, offsets
        if last + 1 < len(ids) and ids[last + 1] == end:
            learnt[last + 1] = True
            return ids, learnt, offsets
        at = (offsets[last][1], offsets[last][1])
        return [*ids[: last + 1], end], [*learnt[: last + 1], True], [*offsets[: last + 1], at]


def cut(row: Encoded, longest: int, policy: Truncation) -> Encoded | None:
    """The row within `longest` tokens; None where it is dropped, or nothing would be left to learn."""
    if len(row.ids) <= longest:
        return row
    if policy == "drop":
        return None
    kept = slice(0, longest) if policy == "keep_start" else slice(len(row.ids) - longest, None)
    labels = row.labels[kept]
    before, after = int((row.labels != IGNORED).sum()), int((labels != IGNORED).sum())
    if before and not (labels[1:] != IGNORED).any():
        return None
    prompt = min(row.prompt_length, longest)
    if policy == "keep_end":
        prompt = max(0, row.prompt_length - (len(row.ids) - longest))
    share = after / before if before else 1.0
    return replace(
        row,
        ids=row.ids[kept],
        labels=labels,
        prompt_length=prompt,
        learnt_bytes=round(row.learnt_bytes * share),
    )


def _is_within(at: tuple[int, int], spans: Sequence[tuple[int, int]]) -> bool:
    start, end = at
    return end > start and any(low <= start and end <= high for low, high in spans)
