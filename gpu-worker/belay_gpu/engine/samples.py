"""A few generations to show: short enough to travel in a message, and still right where they were right."""

from __future__ import annotations

import re
from itertools import takewhile

CUT = "…"
PROMPT_HEAD, PROMPT_TAIL = 500, 1500
ANSWER = 2000
# What is kept before the first difference of two answers, where that lies beyond `ANSWER`.
BEFORE = 500


def clip_prompt(text: str) -> str:
    """Beginning and end of a long prompt: what is asked usually stands at the end."""
    if len(text) <= PROMPT_HEAD + PROMPT_TAIL:
        return text
    return f"{text[:PROMPT_HEAD]} {CUT} {text[-PROMPT_TAIL:]}"


def clip_answers(expected: str, got: str, ignore_spaces: bool) -> tuple[str, str]:
    """The first characters of both or, where they differ later only, those around the first difference.

    What comes back is equal exactly where the full texts are.

    Args:
        expected: the right answer, without white space around.
        got: the model's, likewise.
        ignore_spaces: whether the two are compared without their white space.
    """
    if max(len(expected), len(got)) <= ANSWER:
        return expected, got
    # A long run of white space would count for nothing and take its place nevertheless.
    texts = [re.sub(r"(\s)\s+", r"\1", text) if ignore_spaces else text for text in (expected, got)]
    # Where the characters are that are compared.
    places = [
        [place for place, sign in enumerate(text) if not (ignore_spaces and sign.isspace())] for text in texts
    ]
    signs = [[text[place] for place in at] for text, at in zip(texts, places, strict=True)]
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*signs, strict=False)))
    start = 0 if same < ANSWER or signs[0] == signs[1] else same - BEFORE
    shown = [_window(text, at, start) for text, at in zip(texts, places, strict=True)]
    return shown[0], shown[1]


def _window(text: str, places: list[int], start: int) -> str:
    """`ANSWER` of the characters at `places`, from the one at index `start` on."""
    kept = places[start : start + ANSWER]
    inside = text[kept[0] : kept[-1] + 1] if kept else ""
    return f"{CUT if start else ''}{inside}{CUT if start + ANSWER < len(places) else ''}"
