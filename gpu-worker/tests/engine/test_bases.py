"""What a base must be, and the one clear line for what it is not."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import LlamaForCausalLM

from belay_gpu.engine.base_model import load_base, load_tokenizer
from belay_gpu.engine.errors import EngineError
from belay_gpu.engine.peft_engine import PeftEngine
from belay_gpu.engine.protocol import StepResult
from belay_gpu.engine.spec import BaseSpec, LoraParams, SlotSpec, TrainParams
from tests.support.servers import ROOT
from tests.support.tiny import copy_task, save_llama

CPU = torch.device("cpu")
SPEC = SlotSpec(LoraParams(r=2, lora_alpha=4), TrainParams(1e-3, 4, 1), 10)


def loss_of(engine: PeftEngine, slot: str) -> float:
    result = engine.step([slot])[slot]
    assert isinstance(result, StepResult)
    assert result.loss is not None
    return result.loss


def refusal(spec: BaseSpec) -> EngineError:
    with pytest.raises(EngineError) as raised:
        load_base(spec, CPU)
    assert "\n" not in raised.value.message
    return raised.value


def test_an_unknown_folder(tmp_path: Path) -> None:
    error = refusal(BaseSpec(str(tmp_path / "nowhere")))
    assert error.type == "ModelUnavailable"
    assert "there is no such folder" in error.message


def test_a_folder_without_a_config(tmp_path: Path) -> None:
    assert "config.json" in refusal(BaseSpec(str(tmp_path))).message


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("config.json", b'{"model_type": "llama",', "config.json cannot be read as JSON: Expecting property"),
        ("config.json", b"\xff\xfe", "config.json cannot be read as JSON: "),
        ("config.json", b"[1]", "config.json does not hold an object"),
        ("config.json", b'{"model_type": "llama", "hidden_size": "x"}', "config.json is wrong: Validation"),
        ("model.safetensors.index.json", b"[1]", "index.json does not hold an object"),
        ("model.safetensors.index.json", b'{"weight_map": 3}', "index.json has no object in weight_map"),
    ],
)
def test_a_damaged_file_of_a_folder_is_named(tmp_path: Path, file: str, content: bytes, told: str) -> None:
    (save_llama(tmp_path) / file).write_bytes(content)
    error = refusal(BaseSpec(str(tmp_path)))
    assert error.type == "ModelUnavailable"
    assert told in error.message


def test_pickled_weights(tmp_path: Path) -> None:
    folder = save_llama(tmp_path / "m")
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    error = refusal(BaseSpec(str(folder)))
    assert error.type == "ModelUnavailable"
    assert "pytorch_model.bin" in error.message
    assert "pickled" in error.message


def with_code(folder: Path, file: str = "config.json", **changes: object) -> Path:
    """A Llama whose `file` names code that lies beside it."""
    values = json.loads((save_llama(folder) / file).read_text())
    names = {
        "AutoConfig": "evil.Config",
        "AutoModelForCausalLM": "evil.Model",
        "AutoTokenizer": [None, "evil.T"],
    }
    (folder / file).write_text(json.dumps({**values, "auto_map": names, **changes}))
    (folder / "evil.py").write_text("raise SystemExit('was run')")
    return folder


def test_code_from_the_repository(tmp_path: Path) -> None:
    error = refusal(BaseSpec(str(with_code(tmp_path / "m", model_type="evil"))))
    assert error.type == "ModelUnavailable"
    assert "never run" in error.message


def test_code_for_a_tokenizer_from_the_repository(tmp_path: Path) -> None:
    folder = with_code(tmp_path / "m", "tokenizer_config.json", tokenizer_class="Evil")
    config = json.loads((folder / "config.json").read_text())
    # For this architecture transformers has no tokenizer to fall back on.
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "llama4_text"}))
    with pytest.raises(EngineError, match="never run"):
        load_tokenizer(BaseSpec(str(folder)))


def test_code_for_an_architecture_that_transformers_has_is_passed_over(tmp_path: Path) -> None:
    loaded = load_base(BaseSpec(str(with_code(tmp_path / "m"))), CPU)
    assert type(loaded.model) is LlamaForCausalLM
    assert loaded.tokenizer is not None


def test_a_folder_without_a_tokenizer(tmp_path: Path) -> None:
    folder = save_llama(tmp_path / "m")
    for file in folder.glob("token*"):
        file.unlink()
    assert load_tokenizer(BaseSpec(str(folder))) is None
    assert "its tokenizer cannot be read" in refusal(BaseSpec(str(folder), added_tokens=("<call>",))).message


def test_damaged_weights(tmp_path: Path) -> None:
    folder = save_llama(tmp_path / "m")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    assert refusal(BaseSpec(str(folder))).type == "ModelUnavailable"


def test_four_bits_need_cuda(llama: Path) -> None:
    error = refusal(BaseSpec(str(llama), load_in_4bit=True))
    assert error.type == "Unsupported"
    assert "load_in_4bit" in error.message


def test_a_target_that_no_layer_has(engine: PeftEngine) -> None:
    with pytest.raises(EngineError) as raised:
        engine.admit("a", replace(SPEC, lora=replace(SPEC.lora, target_modules=("qq_proj",))), copy_task(4))
    assert raised.value.type == "InvalidSpec"
    assert "qq_proj" in raised.value.message
    assert "q_proj" in raised.value.message
    engine.admit("a", SPEC, copy_task(4))
    with pytest.raises(EngineError, match="qq_proj"):
        engine.admit("b", replace(SPEC, lora=replace(SPEC.lora, target_modules=("qq_proj",))), copy_task(4))
    assert engine.slots == ["a"]


def test_half_precision_training(llama: Path) -> None:
    with pytest.raises(EngineError, match="float16"):
        PeftEngine(BaseSpec(str(llama), dtype="float16"), CPU).admit("a", SPEC, copy_task(4))


def test_bfloat16_keeps_fp32_masters_and_learns(llama: Path) -> None:
    engine = PeftEngine(BaseSpec(str(llama), dtype="bfloat16"), CPU)
    engine.admit(
        "a",
        replace(SPEC, train=replace(SPEC.train, learning_rate=1e-2, lr_scheduler_type="constant")),
        copy_task(16),
    )
    losses = [loss_of(engine, "a") for _ in range(12)]
    assert all(parameter.dtype == torch.float32 for _, parameter in engine._slots["a"].named)
    assert losses[-1] < losses[0]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_cuda_the_base_computes_in_bfloat16(llama: Path) -> None:
    engine = PeftEngine(BaseSpec(str(llama)), torch.device("cuda:0"))
    deterministic = replace(SPEC, train=replace(SPEC.train, full_determinism=True))
    runs = []
    for name in "ab":
        engine.admit(name, deterministic, copy_task(16))
        runs.append([loss_of(engine, name) for _ in range(8)])
    assert engine._adapters.base.model.dtype == torch.bfloat16
    assert runs[0] == runs[1]


def test_two_loads_of_a_base_are_equal_even_in_what_no_file_holds(llama: Path) -> None:
    spec = BaseSpec(str(llama), task="sequence_classification", class_names=("a", "b"))
    one, two = (load_base(spec, CPU).model.state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert load_base(spec, CPU).new_modules == ["score"]


STORED = """
from belay_gpu.engine.merge import _stored_dtype
from belay_gpu.engine.spec import BaseSpec
import sys
print(*(_stored_dtype(BaseSpec("someone/tiny", revision=revision)) for revision in (None, sys.argv[1])))
"""


def test_a_merged_hub_base_is_stored_in_the_type_of_the_hubs_files(tmp_path: Path) -> None:
    """The hub's own cache on this disk: `main` is stored in bfloat16, an older revision in float16."""
    older, newer = "a" * 40, "b" * 40
    model = tmp_path / "models--someone--tiny"
    for revision, config in ((older, {"torch_dtype": "float16"}), (newer, {"dtype": "bfloat16"})):
        snapshot = model / "snapshots" / revision
        snapshot.mkdir(parents=True)
        (snapshot / "config.json").write_text(json.dumps({"model_type": "llama", **config}))
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(newer)
    environment = {
        "PYTHONPATH": str(ROOT / "gpu-worker"),
        "PATH": "/usr/bin:/bin",
        "HF_HUB_CACHE": str(tmp_path),
        "HF_HUB_OFFLINE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", STORED, older], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["torch.bfloat16", "torch.float16"], done.stderr
