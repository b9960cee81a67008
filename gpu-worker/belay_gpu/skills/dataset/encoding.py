"""Rendered rows as tokens: what carries a loss, where the prompt ends, what is cut."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from belay_gpu.data.tokenised import IGNORED
from belay_gpu.skills.dataset.rendering import Rendered
from belay_gpu.skills.dataset.turns import Span

Truncation = Literal["drop", "keep_end", "keep_start"]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
BATCH = 1000
# A character that no token holds together with what follows it, but with another such.
ANCHOR = "\n"


@dataclass(frozen=True)
class Encoded:
    """One row as tokens.

    Attributes:
        ids: the tokens.
        labels: the token where it carries a loss, else -100; not shifted.
        prompt_length: leading tokens that are the prompt.
        learnt_bytes: UTF-8 bytes of the text that `label_tokens` spell.
        length: tokens before anything was cut.
        frame: special tokens before and behind the text, which a cut leaves in place.
        was_split: a token would have spanned a border between prompt and completion.
    """

    ids: NDArray[np.int32]
    labels: NDArray[np.int32]
    prompt_length: int
    learnt_bytes: int
    length: int
    frame: tuple[int, int] = (0, 0)
    was_split: bool = False

    @property
    def label_tokens(self) -> int:
        # The first token is predicted from nothing, so it never carries a loss.
        return int((self.labels[1:] != IGNORED).sum())


@dataclass(frozen=True)
class Tokens:
    """The n tokens of one text and the characters that each stands for: `text[starts[i]:ends[i]]`.

    All arrays are [n]. What the tokenizer adds stands for no character: `starts[i] == ends[i]`.
    """

    ids: Ints
    starts: Ints
    ends: Ints

    def within(self, spans: Sequence[Span]) -> Flags:
        """Which tokens lie wholly inside one of the spans."""
        found = np.zeros(len(self.ids), dtype=bool)
        for low, high in spans:
            found |= (self.starts >= low) & (self.ends <= high) & (self.ends > self.starts)
        return found

    def first(self, count: int) -> Tokens:
        return Tokens(self.ids[:count], self.starts[:count], self.ends[:count])

    def behind(self, place: int) -> Tokens | None:
        """Those of the text from `place` on, as of a text of their own; None where one spans the place."""
        at = int((self.ends <= place).sum())
        if (self.starts[at:] < place).any():
            return None
        return Tokens(self.ids[at:], self.starts[at:] - place, self.ends[at:] - place)

    def then(self, other: Tokens, shift: int = 0) -> Tokens:
        pairs = ((self.ids, other.ids), (self.starts, other.starts + shift), (self.ends, other.ends + shift))
        return Tokens(*(np.concatenate(pair) for pair in pairs))


class Encoder:
    """Turns rendered rows of one data set into tokens."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, teaches_end: bool) -> None:
        """`teaches_end`: what is learnt ends with the end-of-sequence token, and that is learnt too."""
        end: Any = tokenizer.eos_token_id
        self._tokenizer = tokenizer
        self._end: int | None = end if teaches_end else None
        self._teaches_end = teaches_end
        self._special = np.array(sorted(tokenizer.all_special_ids), dtype=np.int64)
        self._puts_a_space = self._prefixes()

    def encode(self, rows: Sequence[Rendered]) -> Iterator[Encoded]:
        """One result per row, in order."""
        for start in range(0, len(rows), BATCH):
            batch = rows[start : start + BATCH]
            # Rows of one data set are all templated or all not.
            tokens = self._tokens([row.text for row in batch], specials=not batch[0].is_templated)
            for row, own in zip(batch, tokens, strict=True):
                yield self._encode(row, own)

    def _tokens(self, texts: list[str], specials: bool) -> Iterator[Tokens]:
        answer: Any = self._tokenizer(
            texts,
            add_special_tokens=specials,
            return_offsets_mapping=True,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,
        )
        for ids, offsets in zip(answer["input_ids"], answer["offset_mapping"], strict=True):
            at = np.array(offsets, dtype=np.int64).reshape(-1, 2)
            yield Tokens(np.array(ids, dtype=np.int64), at[:, 0], at[:, 1])

    def _encode(self, row: Rendered, tokens: Tokens) -> Encoded:
        borders = sorted({row.prompt_end, *(at for span in row.answers for at in span)} - {0, len(row.text)})
        was_split = any(((tokens.starts < at) & (at < tokens.ends)).any() for at in borders)
        if was_split:
            tokens = self._in_pieces(row, borders)
        if self._teaches_end:
            tokens = self._without_trailing(tokens)
        real = np.flatnonzero(tokens.ends > tokens.starts)
        lead = int(real[0]) if len(real) else 0
        trail = len(tokens.ids) - 1 - int(real[-1]) if len(real) else 0
        prompt = lead + int(tokens.within(((0, row.prompt_end),)).sum()) if row.prompt_end else 0
        learnt = tokens.within(row.answers)
        if self._end is not None and learnt.any():
            tokens, learnt = _with_end(row, tokens, learnt, self._end)
        if row.learns_all:
            learnt = np.ones(len(tokens.ids), dtype=bool)
        ids = tokens.ids.astype(np.int32)
        labels = np.where(learnt, ids, np.int32(IGNORED)).astype(np.int32)
        spelt = self._spelt(row, tokens, learnt)
        return Encoded(ids, labels, prompt, spelt, len(ids), (lead, trail), was_split)

    def _spelt(self, row: Rendered, tokens: Tokens, learnt: Flags) -> int:
        """Bytes of the learnt text whose loss counts, without the text of special tokens."""
        unpredicted = int(tokens.ends[0]) if learnt[:1].any() else 0
        learnt = learnt & (np.arange(len(learnt)) > 0)
        if not learnt.any():
            return 0
        spans = [(0, len(row.text))] if row.learns_all else row.answers
        inside = [(span, learnt & tokens.within((span,))) for span in spans]
        # What a template puts behind an answer's end is not learnt.
        spans = [
            (max(start, unpredicted), int(tokens.ends[at].max())) for (start, _), at in inside if at.any()
        ]
        size = sum(_size(row.text[start:end]) for start, end in spans)
        # Tokens of single bytes may share the first token's last character, each as much of it as another.
        sharing = int((tokens.starts[1:] < unpredicted).sum())
        size += _size(row.text[:unpredicted][-1:]) * sharing // (sharing + 1)
        for token in np.flatnonzero(np.isin(tokens.ids, self._special)):
            start, end = int(tokens.starts[token]), int(tokens.ends[token])
            if any(low <= start and end <= high for low, high in spans):
                size -= _size(row.text[start:end])
        return max(size, 0)

    def _in_pieces(self, row: Rendered, borders: list[int]) -> Tokens:
        """Tokenised apart at the borders, where a token would span one."""
        nothing = np.zeros(0, dtype=np.int64)
        whole = Tokens(nothing, nothing, nothing)
        cuts = [0, *borders, len(row.text)]
        for start, end in pairwise(cuts):
            specials = start == 0 and not row.is_templated
            # Behind a special token, most of these tokenizers put their space in whole texts as well.
            goes_on = len(whole.ids) > 0 and whole.ids[-1] not in self._special
            piece = self._going_on(row.text[start:end]) if self._puts_a_space and goes_on else None
            if piece is None:
                (piece,) = self._tokens([row.text[start:end]], specials)
            whole = whole.then(self._without_trailing(piece), start)
        return whole

    def _going_on(self, text: str) -> Tokens | None:
        """A text as it goes on behind another; None where that cannot be told."""
        (tokens,) = self._tokens([ANCHOR + text], specials=False)
        return tokens.behind(len(ANCHOR))

    def _prefixes(self) -> bool:
        """Whether the tokenizer begins a text with a space that is not there, as Llama 2's does."""
        (plain,) = self._tokens(["a"], specials=False)
        behind = self._going_on("a")
        return behind is not None and behind.ids.tolist() != plain.ids.tolist()

    def _without_trailing(self, tokens: Tokens) -> Tokens:
        """Without the special tokens that the tokenizer put behind the text: the end is ours to teach."""
        count = len(tokens.ids)
        while count and tokens.starts[count - 1] == tokens.ends[count - 1]:
            count -= 1
        return tokens.first(count)


def _with_end(row: Rendered, tokens: Tokens, learnt: Flags, end: int) -> tuple[Tokens, Flags]:
    """Ends every answer with the end-of-sequence token; what a template puts behind that is not learnt."""
    learnt = learnt.copy()
    for span in row.answers if row.is_templated else ():
        inside = np.flatnonzero(tokens.within((span,)))
        ends = inside[tokens.ids[inside] == end]
        if len(ends):
            learnt[inside[inside > ends[-1]]] = False
        elif len(inside) and inside[-1] + 1 < len(tokens.ids) and tokens.ids[inside[-1] + 1] == end:
            learnt[inside[-1] + 1] = True
    last = int(np.flatnonzero(learnt)[-1])
    tokens, learnt = tokens.first(last + 1), learnt[: last + 1]
    if tokens.ids[last] == end:
        return tokens, learnt
    at = tokens.ends[last : last + 1]
    return tokens.then(Tokens(np.array([end], dtype=np.int64), at, at)), np.append(learnt, True)


def cut(row: Encoded, longest: int, policy: Truncation) -> Encoded | None:
    """The row within `longest` tokens; None where it is dropped, or nothing would be left to learn."""
    excess = len(row.ids) - longest
    if excess <= 0:
        return row
    if policy == "drop":
        return None
    lead, trail = row.frame
    end = len(row.ids) - trail
    gap = slice(end - excess, end) if policy == "keep_start" else slice(lead, lead + excess)
    labels = np.delete(row.labels, gap)
    before, after = row.label_tokens, int((labels[1:] != IGNORED).sum())
    if before and not after:
        return None
    lost = max(0, min(row.prompt_length, gap.stop) - gap.start)
    return replace(
        row,
        ids=np.delete(row.ids, gap),
        labels=labels,
        prompt_length=row.prompt_length - lost,
        learnt_bytes=round(row.learnt_bytes * (after / before if before else 1.0)),
    )


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
