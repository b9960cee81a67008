"""Templates that write the date: the same data set gives the same tokens on every day."""

from __future__ import annotations

from datetime import datetime

import pytest
from transformers import AutoTokenizer
from transformers.utils import chat_template_utils

from belay_gpu.skills.dataset.clock import TODAY, with_stopped_clock
from tests.skills.dataset.conftest import Run, Write
from tests.skills.dataset.test_masks import TURNS, chats
from tests.support.words import CHATML, CHATML_MARKED, save_language_model

# As Llama 3.2's and, with a format of its own, Mistral's.
DATED = (
    "{%- if not date_string is defined %}\n    {%- if strftime_now is defined %}\n"
    '        {%- set date_string = strftime_now("%d %b %Y") %}\n'
    '    {%- else %}\n        {%- set date_string = "26 Jul 2024" %}\n    {%- endif %}\n{%- endif %}\n'
    '{{- "Today Date: " + date_string + "\\n\\n" }}\n'
    "{{- strftime_now('%A, %-d %B %Y') + strftime_now('%Y-%m-%d') }}\n"
)


def fake_date(monkeypatch: pytest.MonkeyPatch, day: datetime) -> None:
    clock = type("Clock", (), {"now": staticmethod(lambda: day)})
    monkeypatch.setattr(chat_template_utils, "datetime", clock)


@pytest.mark.parametrize("marking", [CHATML, CHATML_MARKED], ids=["growing text", "generation blocks"])
def test_equal_rows_make_equal_tokens_on_every_day(
    marking: str,
    write: Write,
    run: Run,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = str(save_language_model(tmp_path_factory.mktemp("dated"), DATED + marking))
    tokenizer, path = AutoTokenizer.from_pretrained(model), write(chats(20))
    told, found = [], []
    for day in (datetime(2026, 11, 23, 9), TODAY):
        fake_date(monkeypatch, day)
        told.append(tokenizer.apply_chat_template(TURNS[:-1], tokenize=False, add_generation_prompt=True))
        found.append(run(path, model=model))
    assert told[0] != told[1], "the template does write the date"
    first, second = (analysis.splits["train"] for analysis in found)
    assert first.input_ids.tobytes() == second.input_ids.tobytes()
    assert first.labels.tobytes() == second.labels.tobytes()
    assert first.prompts[0] == told[1], "nothing else of the template has changed"
    assert "Friday, 26 July 2024" in first.prompts[0] and "2024-07-26" in first.prompts[0]
    warning = "the chat template writes the date; it is fixed to 26 Jul 2024 in every row"
    assert all(warning in analysis.profile.warnings for analysis in found)
    assert found[0].tokenizer_files == found[1].tokenizer_files
    assert found[0].tokenizer_files["chat_template.jinja"].decode() == DATED + marking


def test_a_template_without_a_date_is_left_as_it_is(write: Write, run: Run, chat_model: str) -> None:
    assert with_stopped_clock(CHATML) == CHATML
    assert not any("date" in warning for warning in run(write(chats(20)), model=chat_model).profile.warnings)
