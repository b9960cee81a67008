"""Generations to show: short, and right exactly where the full texts are."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from belay_gpu.engine.metrics import normalise
from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.protocol import EvalRequest, GenerationRequest
from belay_gpu.engine.samples import ANSWER, CUT, clip_answers, clip_prompt
from tests.support.tiny import copy_task
from tests.support.walk import finish

LONG = " ".join(f"word{n}" for n in range(2000))
AT = 5000  # within a word


def changed(text: str, at: int) -> str:
    return f"{text[:at]}#{text[at + 1 :]}"


@pytest.mark.parametrize("ignore_spaces", [False, True])
@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ("yes", "yes"),
        ("yes", "no"),
        (LONG, LONG),
        (LONG, ""),
        (LONG, "yes"),
        ("yes", f"yes {LONG}"),
        (LONG, changed(LONG, 3)),
        (LONG, changed(LONG, ANSWER - 1)),
        (LONG, changed(LONG, ANSWER)),
        (LONG, changed(LONG, AT)),
        (LONG, LONG[:AT]),
        (LONG, f"{LONG[:AT]} {LONG[AT:]}"),
        (LONG, LONG.replace(" ", " \n  ")),
        (LONG, f"{LONG} more"),
        (LONG[:ANSWER].strip(), f"{LONG[:ANSWER].strip()}{CUT}"),
        (f"a{' ' * 9999}b", f"a{' ' * 9998}b"),
    ],
)
def test_clipped_answers_are_equal_exactly_where_the_full_ones_are(
    expected: str, got: str, ignore_spaces: bool
) -> None:
    shown = clip_answers(expected, got, ignore_spaces)
    same, still = (
        normalise(pair[0], None, ignore_spaces) == normalise(pair[1], None, ignore_spaces)
        for pair in ((expected, got), shown)
    )
    assert same == still
    assert max(map(len, shown)) <= 2 * ANSWER + 2


def test_a_late_difference_is_shown() -> None:
    expected, got = clip_answers(LONG, changed(LONG, AT), False)
    assert LONG[AT - 20 : AT + 20] in expected
    assert f"{LONG[AT - 20 : AT]}#{LONG[AT + 1 : AT + 20]}" in got
    assert expected.startswith(CUT)
    assert expected.endswith(CUT)


def test_short_texts_stay_as_they_are() -> None:
    assert clip_answers("a  b", "a\nb", True) == ("a  b", "a\nb")
    assert clip_prompt(LONG[:2000]) == LONG[:2000]


def test_a_prompt_keeps_its_question() -> None:
    shown = clip_prompt(f"{LONG} What is asked?")
    assert shown.startswith("word0 word1 ")
    assert shown.endswith("What is asked?")
    assert len(shown) < 2010


def test_the_samples_of_an_evaluation_are_short(engine: PeftEngine) -> None:
    data = copy_task(9)
    texts = [f"{LONG}{LONG}{n}" for n in range(9)]
    long = replace(data, prompts=texts, completions=texts)
    result = finish(engine.evaluate(None, long, EvalRequest(4, GenerationRequest(3))))
    assert len(result.samples) == 8
    assert len(json.dumps(result.samples)) < 8 * 3 * 2100
    whole = finish(engine.evaluate(None, data, EvalRequest(4, GenerationRequest(3))))
    assert [sample["prompt"] for sample in whole.samples] == data.prompts[:8]
