"""The examples' data: what the experiments promise of it."""

from __future__ import annotations

import csv
import json
from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest

from belay_gpu.contracts import DatasetAnalyzeInput, DatasetSpec, ModelSpec
from belay_gpu.examples import command_language as language
from belay_gpu.examples import intents, quickstart, tiny_llama
from belay_gpu.examples.folder import whole_folder
from belay_gpu.examples.help_desk import ANSWERS, INTENTS, conversations, rows
from belay_gpu.skills.dataset.analyze import analyze
from tests.support.servers import ROOT


@pytest.fixture(scope="module")
def commands() -> dict[str, list[dict[str, str]]]:
    return quickstart.command_rows()


def test_no_request_is_in_two_files(commands: dict[str, list[dict[str, str]]]) -> None:
    assert {name: len(found) for name, found in commands.items()} == {
        "test": 256,
        "validation": 128,
        "train": 2000,
        "unseen": 256,
    }
    prompts = {name: {row["prompt"] for row in found} for name, found in commands.items()}
    assert all(len(prompts[name]) == len(commands[name]) for name in prompts)
    assert not any(prompts[a] & prompts[b] for a, b in combinations(prompts, 2))


def test_rows_are_the_same_every_time(commands: dict[str, list[dict[str, str]]]) -> None:
    assert quickstart.command_rows() == commands
    assert quickstart.command_rows(seed=1) != commands


def test_every_intent_and_phrasing_takes_part(commands: dict[str, list[dict[str, str]]]) -> None:
    for name in ("train", "validation", "test"):
        verbs = Counter(row["completion"].split("(")[0] for row in commands[name])
        assert len(verbs) == len(language.INTENTS) == 8
        assert max(verbs.values()) - min(verbs.values()) <= 4  # one for each phrasing


def test_one_answer_to_each_request(commands: dict[str, list[dict[str, str]]]) -> None:
    answers = {row["prompt"]: row["completion"] for found in commands.values() for row in found}
    assert all(answer.count("(") == 1 and answer.endswith(")") for answer in answers.values())


def test_the_vocabulary_covers_everything(commands: dict[str, list[dict[str, str]]]) -> None:
    from random import Random

    tokenizer = tiny_llama.word_tokenizer(language.vocabulary())
    assert len(tokenizer) == 208
    rng = Random(5)
    lines = [language.draw_sentence(rng) for _ in range(3000)]
    lines += [row[key] for found in commands.values() for row in found for key in ("prompt", "completion")]
    unknown = tokenizer.convert_tokens_to_ids(tiny_llama.UNKNOWN)
    assert not any(unknown in ids for ids in tokenizer(lines)["input_ids"])


def test_the_model_has_the_size_that_the_recipe_names() -> None:
    model = tiny_llama.new_model(tiny_llama.word_tokenizer(language.vocabulary()))
    assert sum(p.numel() for p in model.parameters()) == 818_304


def test_the_base_never_reads_a_request_beside_its_command() -> None:
    from random import Random

    rng = Random(5)
    lines = [language.draw_sentence(rng) for _ in range(3000)]
    assert any(line.startswith("call : ") for line in lines) and any("reply :" in line for line in lines)
    assert not any("user :" in line and "call :" in line for line in lines)


def test_numbers_and_hours() -> None:
    assert [language.spoken_number(n) for n in (1, 13, 20, 42, 99)] == [
        "one",
        "thirteen",
        "twenty",
        "forty two",
        "ninety nine",
    ]
    hours = {hour.spoken: hour.written for hour in language.HOURS}
    assert hours["seven in the morning"] == "07:00" and hours["seven in the evening"] == "19:00"
    assert len(set(hours.values())) == len(hours) == 22


def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    def breaks(draft: Path) -> None:
        (draft / "half").write_text("")
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError):
        whole_folder(tmp_path / "out", breaks)
    assert list(tmp_path.iterdir()) == []
    assert whole_folder(tmp_path / "out", lambda draft: (draft / "file").touch())
    assert not whole_folder(tmp_path / "out", breaks), "what is there is not made again"


def test_a_faster_process_wins(tmp_path: Path) -> None:
    def meanwhile(draft: Path) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "theirs").touch()

    assert not whole_folder(tmp_path / "out", meanwhile)
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_intents_and_their_csv(tmp_path: Path) -> None:
    assert intents.make(tmp_path / "out")
    with (tmp_path / "out" / "data" / "intents.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert read == rows(intents.SEED)
    assert len({row["text"] for row in read}) == len(read) > 800
    assert set(Counter(row["intent"] for row in read)) == set(INTENTS) == set(ANSWERS)


def test_the_intents_experiment_reads_its_files(tmp_path: Path) -> None:
    intents.make(tmp_path / "out")
    base, data = tmp_path / "out" / "base", tmp_path / "out" / "data" / "intents.csv"
    spec = DatasetSpec(
        path=str(data),
        label_column="intent",
        cutoff_len=64,
        val_set_size=0.2,
        test_set_size=0.2,
        near_duplicate_threshold=0.7,
    )
    request = DatasetAnalyzeInput(
        run="run",
        task="sequence_classification",
        model=ModelSpec(model_name_or_path=str(base)),
        dataset=spec,
        seed=7,
    )
    found = analyze(request)
    assert found.class_names == sorted(INTENTS)
    assert found.profile.labels is not None
    assert all(min(label.train, label.validation, label.test) >= 8 for label in found.profile.labels)


def test_the_conversations_that_come_with_the_project_are_those_of_the_generator() -> None:
    file = ROOT / "experiments" / "data" / "conversations.jsonl"
    assert [json.loads(line) for line in file.read_text().splitlines()] == conversations(20)
