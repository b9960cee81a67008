"""Assistant turns of templates that write a turn otherwise when it is the last."""

from __future__ import annotations

from pathlib import Path

import pytest

from belay_gpu.skills.dataset.turns import by_growing
from tests.skills.dataset.conftest import Run, Write
from tests.skills.dataset.test_expected import THINKING, THINKING_PROMPT
from tests.skills.dataset.test_masks import chats, learnt
from tests.support.words import CHATML, byte_tokenizer

THOUGHT = "<think>\n\n</think>\n\n"
# Keeps earlier turns, but shortens those that are long.
SHORTENING = CHATML.replace(
    "{{ message.content }}",
    "{{ message.content if loop.last or message.role != 'assistant' else message.content[:8] }}",
)


def spans(template: str, *contents: str) -> list[str]:
    """What is learnt of turns that are by turns the user's and the assistant's."""
    turns = [{"role": ("user", "assistant")[n % 2], "content": each} for n, each in enumerate(contents)]
    text, found = by_growing(turns, template, byte_tokenizer())
    return [text[start:end] for start, end in found]


@pytest.mark.parametrize("template", [THINKING, THINKING_PROMPT], ids=["thinking", "thinking prompt"])
def test_earlier_turns_that_are_left_alone_are_learnt_with_their_end(
    template: str, write: Write, run: Run, plain_model: str, tmp_path: Path
) -> None:
    file = tmp_path / "chat.jinja"
    file.write_text(template)
    found = run(write(chats(20)), template=str(file))
    for split in found.splits.values():
        for row in range(split.rows):
            said = f"the lazy dog<|im_end|>{split.completions[row]}<|im_end|>"
            assert learnt(split, row, plain_model) == said
    assert not any("no loss" in line for line in found.profile.warnings)


def test_turns_that_carry_no_loss_are_told_of(write: Write, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "chat.jinja"
    file.write_text(SHORTENING)
    told = "20 of 40 assistant turns carry no loss: the template rewrites earlier turns; mark them with "
    assert told + "{% generation %}" in run(write(chats(20)), template=str(file)).profile.warnings
    everything = run(write(chats(20)), template=str(file), train_on_prompt=True).profile.warnings
    assert not any("no loss" in line for line in everything)


@pytest.mark.parametrize(
    ("contents", "earlier"),
    [
        (("hi", "olga", "bye", "emil"), ["olga<|im_end|>\n"]),
        (("olga", "olga", "olga", "emil"), ["olga<|im_end|>\n"]),
        (("hi", "user", "assistant", "emil"), ["user<|im_end|>\n"]),
        (("hi", "im", "bye", "emil"), []),
        (("hi", "a", "b", "a", "a", "emil"), ["a<|im_end|>\n", "a<|im_end|>\n"]),
    ],
)
def test_a_turn_is_found_where_there_is_no_doubt(contents: tuple[str, ...], earlier: list[str]) -> None:
    assert spans(THINKING, *contents) == [*earlier, f"{THOUGHT}emil<|im_end|>\n"]


def test_a_trimmed_turn_is_found() -> None:
    trimming = THINKING.replace("{{ message.content }}", "{{ message.content | trim }}")
    assert spans(trimming, "hi", " olga\n", "bye", "emil")[0] == "olga<|im_end|>\n"
