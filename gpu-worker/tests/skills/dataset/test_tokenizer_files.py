"""The tokenizer that is kept: the one that the rows were tokenised with, and nothing of the machine."""

from __future__ import annotations

from pathlib import Path

from transformers import AutoTokenizer

from belay_gpu.canonical import sha256_bytes
from belay_gpu.contracts import ArtifactRef, DatasetAnalyzeInput, DatasetSpec, ModelSpec
from belay_gpu.skills.dataset.analyze import Analysis
from belay_gpu.skills.dataset.rendering import PLAIN
from belay_gpu.skills.dataset.skill import analyze_dataset
from tests.skills.dataset.conftest import Run, Write, pairs
from tests.skills.dataset.test_masks import TURNS, chats
from tests.support.words import CHATML, CHATML_MARKED


def written(found: Analysis, folder: Path) -> Path:
    folder.mkdir()
    for path, data in found.tokenizer_files.items():
        (folder / path).write_bytes(data)
    return folder


def test_it_loads_alone_with_the_added_tokens(
    write: Write, run: Run, plain_model: str, tmp_path: Path
) -> None:
    found = run(write(pairs(20)), add_tokens=["<call>"])
    assert sorted(found.tokenizer_files) == ["tokenizer.json", "tokenizer_config.json"]
    kept = AutoTokenizer.from_pretrained(written(found, tmp_path / "kept"))
    assert len(kept) == len(AutoTokenizer.from_pretrained(plain_model)) + 1
    row, train = found.splits["train"].row(0)[0].tolist(), found.splits["train"]
    assert kept(train.prompts[0] + train.completions[0])["input_ids"] == row[:-1]
    assert row[-1] == kept.eos_token_id


def test_the_template_is_the_one_that_was_learnt(
    write: Write, run: Run, chat_model: str, tmp_path: Path
) -> None:
    file = tmp_path / "own.jinja"
    file.write_text(CHATML_MARKED)
    cases = {"auto": CHATML, "none": PLAIN, str(file): CHATML_MARKED}
    for place, (wanted, expected) in enumerate(cases.items()):
        found = run(write(chats(20)), model=chat_model, template=wanted)
        kept = AutoTokenizer.from_pretrained(written(found, tmp_path / str(place)))
        assert kept.chat_template == expected
        told = kept.apply_chat_template(TURNS[:-1], tokenize=False, add_generation_prompt=True)
        assert told == found.splits["train"].prompts[0]


def test_the_bytes_are_the_same_again_and_name_no_folder(write: Write, run: Run, chat_model: str) -> None:
    first, second = (run(write(chats(20)), model=chat_model).tokenizer_files for _ in range(2))
    assert first == second
    assert not any(chat_model.encode() in data or b"local" in data for data in first.values())


def test_the_skill_stores_them(write: Write, plain_model: str) -> None:
    stored: dict[str, bytes] = {}

    class Memory:
        def put_blob(self, data: bytes, media: str) -> ArtifactRef:
            digest = sha256_bytes(data)
            stored[digest] = data
            return ArtifactRef(uri=f"s3://b/{digest}", sha256=digest, size_bytes=len(data), media_type=media)

    dataset = DatasetSpec.model_validate({"path": write(pairs(20)), "cutoff_len": 200})
    model = ModelSpec(model_name_or_path=plain_model)
    request = DatasetAnalyzeInput(run="run", task="causal_lm", model=model, dataset=dataset, seed=1)
    files = analyze_dataset(request, Memory()).tokenizer
    assert files is not None
    assert [(file.path, file.ref.media_type) for file in files] == [
        ("tokenizer.json", "application/json"),
        ("tokenizer_config.json", "application/json"),
    ]
    assert all(file.ref.sha256 in stored for file in files)
