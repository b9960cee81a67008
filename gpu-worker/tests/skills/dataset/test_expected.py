"""What generation is compared with: exactly what a model says that has learnt its rows to perfection."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from transformers import AutoConfig, AutoTokenizer, GenerationConfig, PreTrainedModel

from belay_gpu.data.tokenised import IGNORED, TokenisedSplit
from belay_gpu.engine.generation import generate_batch
from belay_gpu.engine.protocol import GenerationRequest
from tests.skills.dataset.conftest import Run, Write, pairs
from tests.skills.dataset.test_masks import chats
from tests.support.words import CHATML, CHATML_MARKED, save_language_model

# Qwen3's puts an empty thought before an answer that has none, and only in the last turn.
THINKING = CHATML.replace(
    "{{ message.content }}",
    "{% if loop.last and message.role == 'assistant' %}<think>\n\n</think>\n\n{% endif %}"
    "{{ message.content }}",
)
# Here the prompt for a generation ends within what the template puts before an answer.
THINKING_PROMPT = THINKING.replace(
    "{% if add_generation_prompt %}<|im_start|>assistant\n",
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n",
)


class Perfect:
    """A model that has learnt a split by heart, and goes on after an end as a batch's others do."""

    def __init__(self, split: TokenisedSplit, folder: str) -> None:
        self.split = split
        self.device = torch.device("cpu")
        self.config = AutoConfig.from_pretrained(folder)
        self.generation_config = GenerationConfig.from_pretrained(folder)

    def generate(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, **_: Any) -> torch.Tensor:
        answers = [self._answer(ids[seen == 1]) for ids, seen in zip(input_ids, attention_mask, strict=True)]
        padded = torch.nn.utils.rnn.pad_sequence(
            answers, batch_first=True, padding_value=self.split.info.pad_token_id
        )
        return torch.cat([input_ids, padded], dim=1)

    def _answer(self, prompt: torch.Tensor) -> torch.Tensor:
        for row in range(self.split.rows):
            ids, labels = (torch.tensor(part) for part in self.split.row(row))
            if len(ids) > len(prompt) and ids[: len(prompt)].equal(prompt):
                assert labels[len(prompt) - 1] == IGNORED
                assert labels[len(prompt) :].equal(ids[len(prompt) :]), (
                    "all that follows the prompt is learnt"
                )
                return ids[len(prompt) :]
        raise AssertionError("a prompt that no row begins with")


def said_by_a_perfect_model(split: TokenisedSplit, model: str) -> list[str]:
    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.add_tokens(split.info.added_tokens)
    perfect = cast(PreTrainedModel, Perfect(split, model))
    answers = generate_batch(perfect, tokenizer, split, range(split.rows), GenerationRequest(64))
    return [answers[row] for row in range(split.rows)]


def asked(count: int) -> list[dict[str, Any]]:
    """Conversations of one question each, no two alike."""
    return [
        {
            "messages": [
                {"role": "user", "content": row["prompt"]},
                {"role": "assistant", "content": row["completion"].strip()},
            ]
        }
        for row in pairs(count)
    ]


@pytest.mark.parametrize(
    ("template", "inserted"),
    [
        (CHATML, ""),
        (CHATML_MARKED, ""),
        (THINKING, "<think>\n\n</think>\n\n"),
        (THINKING_PROMPT, "\n</think>\n\n"),
    ],
    ids=["chatml", "marked", "thinking", "thinking prompt"],
)
def test_a_perfect_model_says_what_is_expected(
    template: str, inserted: str, write: Write, run: Run, plain_model: str, tmp_path: Path
) -> None:
    file = tmp_path / "chat.jinja"
    file.write_text(template)
    rows = asked(20)
    found = run(write(rows), template=str(file), add_tokens=["<think>", "</think>"])
    answers = {row["messages"][0]["content"]: row["messages"][1]["content"] for row in rows}
    for split in found.splits.values():
        assert split.completions == said_by_a_perfect_model(split, plain_model)
        for prompt, expected in zip(split.prompts, split.completions, strict=True):
            question = prompt.split("<|im_start|>user\n")[1].split("<|im_end|>")[0]
            assert expected == inserted + answers[question]


def test_the_answers_of_plain_rows_are_expected_as_they_are(write: Write, run: Run, plain_model: str) -> None:
    given = pairs(20)
    alpaca = [{"instruction": row["prompt"], "output": row["completion"]} for row in given]
    for rows in (given, alpaca):
        for split in run(write(rows)).splits.values():
            assert split.completions == said_by_a_perfect_model(split, plain_model)
            assert split.completions == [given[row]["completion"] for row in split.row_ids]


@pytest.mark.parametrize("named", [True, False], ids=["generation_config.json", "config.json"])
def test_an_answer_ends_where_the_base_ends_its_turns(
    named: bool, write: Write, run: Run, tmp_path: Path
) -> None:
    model = save_language_model(tmp_path / "model", CHATML.replace("<|im_end|>", "<end of turn>"))
    end = len(AutoTokenizer.from_pretrained(model))
    config = AutoConfig.from_pretrained(model)
    config.eos_token_id = [2, end]
    (model / "generation_config.json").unlink()
    if named:
        GenerationConfig(eos_token_id=[2, end]).save_pretrained(model)
    else:
        config.save_pretrained(model)
    rows = asked(20)
    found = run(write(rows), model=str(model), add_tokens=["<end of turn>"])
    for split in found.splits.values():
        assert split.completions == [rows[row]["messages"][-1]["content"] for row in split.row_ids]
        if named:
            assert split.completions == said_by_a_perfect_model(split, str(model))


def test_only_the_last_turn_is_expected(write: Write, run: Run, chat_model: str) -> None:
    rows = chats(20)
    for split in run(write(rows), model=chat_model).splits.values():
        assert split.completions == [rows[row]["messages"][-1]["content"] for row in split.row_ids]


def test_what_a_cut_took_away_is_still_expected(write: Write, run: Run) -> None:
    rows = [
        {"instruction": row["prompt"], "output": "the lazy dog " * 20 + row["completion"]}
        for row in pairs(20)
    ]
    found = run(write(rows), cutoff_len=40, truncation="keep_start")
    assert found.profile.truncation.rows == 20
    for split in found.splits.values():
        assert max(split.lengths) <= 40
        assert split.completions == [rows[row]["output"] for row in split.row_ids]
