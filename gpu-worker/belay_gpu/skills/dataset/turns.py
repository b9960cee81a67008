"""Where the assistant's turns stand in a conversation's text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from transformers import PreTrainedTokenizerBase

from belay_gpu.skills.dataset.files import invalid

Span = tuple[int, int]
Turns = list[dict[str, Any]]


def by_generation_blocks(
    turns: Turns, jinja: str, tokenizer: PreTrainedTokenizerBase
) -> tuple[str, list[Span]]:
    """The text, and what its template marks as generated."""
    from transformers.utils.chat_template_utils import render_jinja_template

    # It promises a string, and answers with texts and, for each, the ranges of its generation blocks.
    names: dict[str, Any] = dict(tokenizer.special_tokens_map)
    answer: Any = render_jinja_template(
        [turns], chat_template=jinja, return_assistant_tokens_mask=True, **names
    )
    (text,), (spans,) = answer
    return text, [(start, end) for start, end in spans if end > start]


def by_growing(turns: Turns, jinja: str, tokenizer: PreTrainedTokenizerBase) -> tuple[str, list[Span]]:
    """The text, and what it grows by when the assistant's turns are added, at most one range for each.

    A template that rewrites earlier turns, as some drop old reasoning, shows only its last that way; of the
    others those are found whose content it leaves alone.
    """

    def text_of(count: int, prompted: bool = False) -> str:
        rendered = tokenizer.apply_chat_template(
            turns[:count], chat_template=jinja, tokenize=False, add_generation_prompt=prompted
        )
        assert isinstance(rendered, str)
        return rendered

    text = text_of(len(turns))
    spans: list[Span] = []
    for place, turn in enumerate(turns):
        if turn["role"] != "assistant":
            continue
        before, after = text_of(place, True), text_of(place + 1)
        if not after.startswith(before):
            before = text_of(place)  # the prompt for a generation need not begin the turn itself
        if not after.startswith(before):
            continue
        if text.startswith(after):
            spans.append((len(before), len(after)))
        elif place + 1 < len(turns):
            behind = spans[-1][1] if spans else 0
            spans += _left_alone(text, behind, turns, place, after[len(before) :], text_of)
    if not spans or spans[-1][1] != len(text):
        raise invalid(
            "chat template: the assistant's last turn cannot be found in the text it makes; mark it there "
            "with {% generation %} and {% endgeneration %}, or set dataset.template"
        )
    return text, spans


def _left_alone(
    text: str, behind: int, turns: Turns, place: int, as_last: str, text_of: Callable[[int], str]
) -> list[Span]:
    """Where an earlier turn's content stands with the end that a last turn has; nowhere if there is a doubt.

    Args:
        text: of all turns.
        behind: the end of the range before.
        turns: all.
        place: of the turn among them.
        as_last: what the turn is as the last one, behind the prompt for it.
        text_of: the text of the first so many turns.
    """
    content = turns[place]["content"]
    if content not in as_last:
        content = content.strip()  # many templates trim it
    until = text_of(place + 2)
    if as_last.count(content) != 1 or not text.startswith(until):
        return []
    earlier = text_of(place)
    low = max(behind, len(earlier) if text.startswith(earlier) else 0)
    high = until.rfind(turns[place + 1]["content"].strip())
    ended = as_last[as_last.index(content) :]
    if text.count(ended, low, max(low, high)) != 1:
        return []
    start = text.index(ended, low)
    return [(start, start + len(ended))]
