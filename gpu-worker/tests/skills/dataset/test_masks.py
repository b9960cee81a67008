"""What carries a loss, where prompts end, what is cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from belay_gpu.data.tokenised import IGNORED, TokenisedSplit
from tests.skills.dataset.conftest import Run, Write, pairs

TURNS = [
    {"role": "system", "content": "be quick"},
    {"role": "user", "content": "give olga five coins"},
    {"role": "assistant", "content": "the lazy dog"},
    {"role": "user", "content": "and the bricks"},
    {"role": "assistant", "content": "into the shed"},
]


def chats(count: int) -> list[dict[str, Any]]:
    return [
        {"messages": [*TURNS[:-1], {"role": "assistant", "content": f"into shed {n * 104729 % 10007}"}]}
        for n in range(count)
    ]


def learnt(split: TokenisedSplit, row: int, model: str) -> str:
    ids, labels = split.row(row)
    return AutoTokenizer.from_pretrained(model).decode(ids[labels != IGNORED])


def prompt(split: TokenisedSplit, row: int, model: str) -> str:
    ids, _ = split.row(row)
    return AutoTokenizer.from_pretrained(model).decode(ids[: split.prompt_lengths[row]])


@pytest.mark.parametrize("marking", ["generation blocks", "growing text"])
def test_every_assistant_turn_is_learnt_with_its_end(
    marking: str, write: Write, run: Run, chat_model: str, marked_model: str
) -> None:
    model = marked_model if marking == "generation blocks" else chat_model
    found = run(write(chats(20)), model=model)
    assert found.profile.template.source == "the tokenizer's own"
    train = found.splits["train"]
    assert train.info.chat_template is None
    for row in range(train.rows):
        assert learnt(train, row, model) == f"the lazy dog<|im_end|>{train.completions[row]}<|im_end|>"
        text = prompt(train, row, model)
        assert text == train.prompts[row]
        assert text.endswith("and the bricks<|im_end|>\n<|im_start|>assistant\n")
        ids, _ = train.row(row)
        assert ids[-1] == 2, "nothing follows the taught end"
        assert train.completion_bytes[row] == len("the lazy dog") + len(train.completions[row])


def test_generation_starts_with_the_same_tokens_as_training(write: Write, run: Run, chat_model: str) -> None:
    found = run(write(chats(20)), model=chat_model)
    tokenizer = AutoTokenizer.from_pretrained(chat_model)
    train = found.splits["train"]
    ids, _ = train.row(0)
    asked = tokenizer.apply_chat_template(TURNS[:-1], add_generation_prompt=True)["input_ids"]
    assert ids[: train.prompt_lengths[0]].tolist() == asked


def test_a_template_that_drops_earlier_reasoning_learns_the_last_turn(
    write: Write, run: Run, plain_model: str, tmp_path: Path
) -> None:
    file = tmp_path / "chat.jinja"
    file.write_text(
        "{% for m in messages %}{% if m.role == 'assistant' and not loop.last %}(dropped)\n"
        "{% else %}{{ m.role }}: {{ m.content }}{% if m.role == 'assistant' %}<|im_end|>{% endif %}\n"
        "{% endif %}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
    )
    found = run(write(chats(20)), template=str(file))
    train = found.splits["train"]
    assert learnt(train, 0, plain_model) == f"{train.completions[0]}<|im_end|>"
    assert train.info.chat_template == file.read_text()
    assert found.template_sha256 == found.profile.template.sha256 is not None


def test_without_a_template_conversations_get_the_plain_one(write: Write, run: Run, plain_model: str) -> None:
    found = run(write(chats(20)))
    train = found.splits["train"]
    assert found.profile.template.source.startswith("plain")
    assert learnt(train, 0, plain_model) == f"the lazy dog<|im_end|>{train.completions[0]}<|im_end|>"
    assert "### Instruction:\nand the bricks\n\n### Response:\n" in prompt(train, 0, plain_model)


def test_template_none_ignores_the_tokenizers_own(write: Write, run: Run, chat_model: str) -> None:
    assert run(write(chats(20)), model=chat_model, template="none").profile.template.source.startswith(
        "plain"
    )


def test_prompt_and_completion_are_taken_as_they_are(write: Write, run: Run, chat_model: str) -> None:
    train = run(write(pairs(20)), model=chat_model).splits["train"]
    for row in range(train.rows):
        assert prompt(train, row, chat_model) == train.prompts[row]
        assert learnt(train, row, chat_model) == f"{train.completions[row]}<|im_end|>"
        assert train.completion_bytes[row] == len(train.completions[row].encode())


def test_train_on_prompt_learns_everything(write: Write, run: Run, plain_model: str) -> None:
    train = run(write(pairs(20)), train_on_prompt=True).splits["train"]
    ids, labels = train.row(0)
    assert (ids == labels).all()
    assert prompt(train, 0, plain_model) == train.prompts[0], "generation still starts behind the prompt"


def test_train_on_prompt_of_conversations_ends_with_the_end(write: Write, run: Run, chat_model: str) -> None:
    train = run(write(chats(20)), model=chat_model, train_on_prompt=True).splits["train"]
    ids, labels = train.row(0)
    assert (ids == labels).all() and ids[-1] == 2


def test_a_token_across_the_border_is_split_and_told(write: Write, run: Run, plain_model: str) -> None:
    rows = [
        {"prompt": f"{n * 7919 % 1000} the qu", "completion": f"ick {n * 104729 % 10007}"} for n in range(20)
    ]
    found = run(write(rows))
    train = found.splits["train"]
    assert prompt(train, 0, plain_model) == train.prompts[0]
    assert learnt(train, 0, plain_model) == f"{train.completions[0]}<|im_end|>"
    assert any("a token would span the border" in warning for warning in found.profile.warnings)


def test_plain_text_is_all_learnt_and_never_generated(write: Write, run: Run) -> None:
    train = run(write([{"text": r["prompt"] + r["completion"]} for r in pairs(20)])).splits["train"]
    ids, labels = train.row(0)
    assert (ids == labels).all() and ids[-1] == 2
    assert (train.prompt_lengths == 0).all()


def test_bytes_are_counted_not_characters(write: Write, run: Run) -> None:
    rows = [{"prompt": f"{r['prompt']} ", "completion": f"größe {r['completion']} 漢字"} for r in pairs(20)]
    train = run(write(rows)).splits["train"]
    assert train.completion_bytes[0] == len(train.completions[0].encode())


def long_rows() -> list[dict[str, Any]]:
    return [
        *pairs(20),
        *({"prompt": f"{n} word" * 12 + ":", "completion": f" end {n * 7}"} for n in range(100, 105)),
    ]


@pytest.mark.parametrize("policy", ["drop", "keep_start", "keep_end"])
def test_truncation_is_counted(policy: str, write: Write, run: Run) -> None:
    found = run(write(long_rows()), cutoff_len=40, truncation=policy, val_set_size=2, test_set_size=2)
    report = found.profile.truncation
    assert (report.policy, report.rows, report.share) == (policy, 5, 0.2)
    assert any(warning.startswith("5 rows (20.0 %)") for warning in found.profile.warnings)
    kept = sum(split.rows for split in found.splits.values())
    # Cut at the end, these rows would have nothing left to learn.
    assert kept == (25 if policy == "keep_end" else 20)
    assert max(split.lengths.max() for split in found.splits.values()) <= 40
    assert found.profile.token_lengths.max > 40


def test_keep_end_keeps_the_answer(write: Write, run: Run, plain_model: str) -> None:
    found = run(write(long_rows()), cutoff_len=40, truncation="keep_end")
    for split in found.splits.values():
        for row in range(split.rows):
            assert learnt(split, row, plain_model) == f"{split.completions[row]}<|im_end|>"
            _, labels = split.row(row)
            assert (labels[: split.prompt_lengths[row]] == IGNORED).all()
            assert (labels[split.prompt_lengths[row] :] != IGNORED).all()


def test_an_encoders_frame_survives_a_cut(write: Write, run: Run, encoder: str) -> None:
    rows = [{"text": r["prompt"] * 8, "label": f"c{n % 2}"} for n, r in enumerate(pairs(20))]
    for policy in ("keep_start", "keep_end"):
        found = run(
            write(rows), task="sequence_classification", model=encoder, cutoff_len=16, truncation=policy
        )
        ids, _ = found.splits["train"].row(0)
        assert (len(ids), ids[0], ids[-1]) == (16, 1, 2)


def test_packing_fills_bins_without_breaking_rows(write: Write, run: Run) -> None:
    found = run(write(pairs(60)), packing=True, cutoff_len=64)
    train = found.splits["train"]
    assert sorted(row for rows in train.bins for row in rows) == list(range(train.rows))
    assert max(sum(int(train.lengths[row]) for row in rows) for rows in train.bins) <= 64
    assert found.packs == len(train.bins) < train.rows
    assert not found.splits["validation"].bins
    assert found.max_length == 64


def test_added_tokens_are_whole(write: Write, run: Run) -> None:
    rows = [{**row, "completion": f"<call>{row['completion']}"} for row in pairs(20)]
    train = run(write(rows), add_tokens=["<call>"]).splits["train"]
    assert train.info.added_tokens == ["<call>"]
    ids, _ = train.row(0)
    assert ids[train.prompt_lengths[0]] == ids.max()


def test_label_tokens_leave_out_what_is_predicted_from_nothing(write: Write, run: Run) -> None:
    found = run(write([{"text": r["prompt"] + r["completion"]} for r in pairs(20)]))
    train = found.splits["train"]
    assert found.profile.token_lengths.label_tokens == len(train.input_ids) - train.rows
