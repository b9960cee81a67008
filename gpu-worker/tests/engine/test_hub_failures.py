"""A base whose hub refuses, lacks or does not answer: one clear line, and a retry where one may help."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import pytest

from belay_gpu.engine.hub_failures import hub_failure
from belay_gpu.engine.spec import BaseSpec
from tests.engine.stub_hub import Repository, serving
from tests.support.servers import ROOT, free_port
from tests.support.tiny import save_llama

# The library reads the hub's address when it is imported, so each hub is asked in a process of its own.
# Between its own tries it waits for half a minute in all, in which nothing here changes.
ASK = """
import json, sys, time
from pathlib import Path
from types import SimpleNamespace
import torch
from huggingface_hub import hf_hub_download
from belay_gpu.contracts import ModelSpec
from belay_gpu.engine.base_model import load_base, load_tokenizer
from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.spec import BaseSpec
from belay_gpu.skills.config.shape import read_shape
from belay_gpu.skills.dataset.expected import answer_ends
from belay_gpu.skills.dataset.model_limits import longest_sequence
time.sleep = lambda seconds: None
asks = {
    "tokenizer": lambda model: load_tokenizer(BaseSpec(model)),
    "base": lambda model: load_base(BaseSpec(model), torch.device("cpu")),
    "limits": lambda model: longest_sequence(ModelSpec(model_name_or_path=model), None),
    "shape": lambda model: read_shape(ModelSpec(model_name_or_path=model), "causal_lm", None),
    "ends": lambda model: answer_ends(ModelSpec(model_name_or_path=model), SimpleNamespace(eos_token_id=1)),
    "files": lambda model: [hf_hub_download(model, name) for name in FILES],
}
FILES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
for request in json.loads(sys.argv[1]):
    what, model = request
    try:
        answer = {"got": type(asks[what](model)).__name__}
    except EngineError as error:
        answer = {"type": error.type, "message": error.message}
    print(json.dumps([what, model, answer]))
"""

Answers = dict[tuple[str, str], dict[str, str]]


def ask(address: str, cache: Path, asked: list[tuple[str, str]], **environment: str) -> Answers:
    given = {
        "PYTHONPATH": str(ROOT / "gpu-worker"),
        "PATH": "/usr/bin:/bin",
        "HF_ENDPOINT": address,
        "HF_HOME": str(cache),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        **environment,
    }
    command = [sys.executable, "-c", ASK, json.dumps(asked)]
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines: list[Any] = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert [[what, model] for what, model, _ in lines] == [list(each) for each in asked]
    return {(what, model): answer for what, model, answer in lines}


REFUSED = {
    "someone/gone": ((404, "RepoNotFound"), "ModelUnavailable", "has no such repository (revision main)"),
    "someone/older": ((404, "RevisionNotFound"), "ModelUnavailable", "has no revision main of it"),
    "someone/gated": ((401, "GatedRepo"), "ModelUnavailable", "(HTTP 401); ask for access on its page"),
    "someone/secret": ((403, ""), "ModelUnavailable", "(HTTP 403); ask for access on its page"),
    "someone/busy": ((429, ""), "StorageUnavailable", "does not answer: "),
    "someone/down": ((503, ""), "StorageUnavailable", "does not answer: "),
}
OWN_CODE = {
    "model_type": "own",
    "auto_map": {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"},
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """Everything that is asked of a hub that runs, with what came of it."""
    folder = save_llama(tmp_path_factory.mktemp("hub"))
    files: dict[str, bytes | None] = {path.name: path.read_bytes() for path in folder.iterdir()}
    bare = {name: data for name, data in files.items() if "token" not in name}
    repositories = {model: Repository(refusal=refusal) for model, (refusal, _, _) in REFUSED.items()}
    repositories["someone/whole"] = Repository(files)
    repositories["someone/bare"] = Repository(bare)
    repositories["someone/half"] = Repository({**files, "tokenizer.json": None})
    own = {"config.json": json.dumps(OWN_CODE).encode(), "own.py": b"raise SystemExit('was run')"}
    repositories["someone/own"] = Repository({**bare, **own})
    asked = [(what, model) for model in [*repositories, "a b"] for what in ("tokenizer", "base")]
    asked += [(what, model) for model in REFUSED for what in ("limits", "shape", "ends")]
    asked += [(what, "someone/own") for what in ("limits", "shape")]
    with serving(repositories) as address:
        found = ask(address, tmp_path_factory.mktemp("cache"), asked)
    for answer in found.values():
        assert "\n" not in answer.get("message", "")
        if answer.get("type") == "StorageUnavailable":
            assert address in answer["message"]
    return found


@pytest.mark.parametrize("what", ["tokenizer", "base", "limits", "shape", "ends"])
@pytest.mark.parametrize("model", sorted(REFUSED))
def test_a_hubs_refusal_is_told_and_an_outage_may_pass(answers: Answers, model: str, what: str) -> None:
    _, type_, words = REFUSED[model]
    answer = answers[what, model]
    assert answer["type"] == type_, answer
    assert answer["message"].startswith(f"model {model}: the hub at http://127.0.0.1:")
    assert words in answer["message"]


@pytest.mark.parametrize("model", ["someone/gone", "someone/gated", "someone/secret"])
def test_where_a_token_may_help_it_is_named(answers: Answers, model: str) -> None:
    assert "HF_TOKEN" in answers["tokenizer", model]["message"]


@pytest.mark.parametrize("what", ["tokenizer", "base", "limits", "shape"])
def test_a_repository_whose_code_would_be_needed(answers: Answers, what: str) -> None:
    assert answers[what, "someone/own"] == {
        "type": "ModelUnavailable",
        "message": "model someone/own: it needs code from its own repository, which is never run",
    }


def test_what_the_hub_has_is_fetched_and_only_what_it_really_lacks_is_missing(answers: Answers) -> None:
    assert answers["base", "someone/whole"] == {"got": "LoadedBase"}
    assert answers["tokenizer", "someone/bare"] == {"got": "NoneType"}
    assert answers["base", "someone/bare"] == {"got": "LoadedBase"}
    for what in ("tokenizer", "base"):
        assert answers[what, "someone/half"]["type"] == "StorageUnavailable"


@pytest.mark.parametrize("what", ["tokenizer", "base"])
def test_what_can_be_no_id_is_said_so(answers: Answers, what: str) -> None:
    assert answers[what, "a b"]["type"] == "ModelUnavailable"
    assert "neither a folder nor an id of the hub" in answers[what, "a b"]["message"]


def test_a_hub_that_cannot_be_reached_may_be_asked_again(tmp_path: Path) -> None:
    address = f"http://127.0.0.1:{free_port()}"
    found = ask(address, tmp_path, [(what, "someone/tiny") for what in ("tokenizer", "base", "limits")])
    for answer in found.values():
        assert answer["type"] == "StorageUnavailable"
        assert answer["message"].startswith(f"model someone/tiny: the hub at {address} does not answer: ")


def test_without_the_hub_a_base_is_what_the_cache_holds_of_it(tmp_path: Path) -> None:
    """Few encoders bring a generation config, and a cache keeps no note of what nobody asked for."""
    folder = save_llama(tmp_path / "model")
    files: dict[str, bytes | None] = {path.name: path.read_bytes() for path in folder.iterdir()}
    del files["generation_config.json"]
    cache = tmp_path / "cache"
    with serving({"someone/whole": Repository(files)}) as address:
        fetched = ask(address, cache, [("files", "someone/whole")])
        assert fetched["files", "someone/whole"] == {"got": "list"}
    whats = ("tokenizer", "base", "shape", "ends")
    asked = [(what, model) for model in ("someone/whole", "someone/else") for what in whats]
    found = ask(address, cache, asked, HF_HUB_OFFLINE="1")
    for what in whats:
        assert "got" in found[what, "someone/whole"], found[what, "someone/whole"]
        refused = found[what, "someone/else"]
        assert refused["type"] == "ModelUnavailable"
        assert "not in this machine's cache" in refused["message"]


def failing_with(*errors: BaseException) -> BaseException:
    """The last of these, each raised because of the one before."""
    for cause, error in pairwise(errors):
        error.__cause__ = cause
    return errors[-1]


@pytest.mark.parametrize(
    "lost", [ConnectionError("reset by peer"), TimeoutError("read"), httpx2.ReadError("closed")]
)
def test_a_download_that_breaks_off_may_be_asked_for_again(lost: BaseException) -> None:
    found = hub_failure(BaseSpec("someone/tiny"), failing_with(lost, OSError("cannot load")))
    assert found is not None
    assert found.type == "StorageUnavailable"
    assert str(lost) in found.message


def test_what_the_hub_has_no_part_in_is_not_put_down_to_it(tmp_path: Path) -> None:
    kept = ValueError("kept and raised again")
    assert hub_failure(BaseSpec("someone/tiny"), failing_with(kept, OSError("no such key"), kept)) is None
    assert hub_failure(BaseSpec(str(tmp_path)), TimeoutError("a disk on the network")) is None


def test_without_a_way_to_the_hub_a_retry_would_not_help(tmp_path: Path) -> None:
    asked = [(what, "someone/tiny") for what in ("tokenizer", "base", "limits")]
    found = ask(f"http://127.0.0.1:{free_port()}", tmp_path, asked, HF_HUB_OFFLINE="1")
    for answer in found.values():
        assert answer["type"] == "ModelUnavailable"
        assert "HF_HUB_OFFLINE" in answer["message"]
