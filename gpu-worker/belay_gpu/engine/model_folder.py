"""What can be told of a base's folder before anything of it is loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from transformers import CONFIG_MAPPING

from belay_gpu.engine.errors import EngineError, first_line
from belay_gpu.engine.spec import BaseSpec

OWN_CODE = "it needs code from its own repository, which is never run"


def check_folder(spec: BaseSpec) -> None:
    """Refuses what can be seen without loading anything. A hub id is left to the hub.

    Raises:
        EngineError: ModelUnavailable.
    """
    folder = Path(spec.model)
    if not folder.is_dir():
        if folder.is_absolute() or spec.model.startswith(".") or spec.model.count("/") > 1:
            raise EngineError("ModelUnavailable", f"model {spec.model}: there is no such folder")
        return
    config_file = folder / "config.json"
    if not config_file.is_file():
        raise EngineError("ModelUnavailable", f"model {spec.model}: the folder has no config.json")
    if needs_own_code(_json_object(spec, config_file)):
        raise EngineError("ModelUnavailable", f"model {spec.model}: {OWN_CODE}")
    for index in sorted(folder.glob("*.safetensors.index.json")):
        if not isinstance(_json_object(spec, index).get("weight_map", {}), dict):
            raise _damaged(spec, index, "has no object in weight_map")
    if not any(folder.glob("*.safetensors")):
        pickled = sorted(file.name for pattern in ("*.bin", "*.pt", "*.pth") for file in folder.glob(pattern))
        found = (
            f" (found {', '.join(pickled[:3])}: pickled weights can run code when they are read)"
            if pickled
            else ""
        )
        raise EngineError(
            "ModelUnavailable", f"model {spec.model}: no safetensors weights{found}; convert them first"
        )


def _json_object(spec: BaseSpec, file: Path) -> dict[str, Any]:
    """Raises: EngineError (ModelUnavailable) where the file does not hold one."""
    try:
        value: Any = json.loads(file.read_bytes())
    except OSError as error:
        raise _damaged(spec, file, f"cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise _damaged(spec, file, f"cannot be read as JSON: {first_line(error)}") from error
    if not isinstance(value, dict):
        raise _damaged(spec, file, "does not hold an object")
    return value


def _damaged(spec: BaseSpec, file: Path, how: str) -> EngineError:
    return EngineError(
        "ModelUnavailable",
        f"model {spec.model}: {file.name} {how}; fetch the file again, or name the folder that "
        "save_pretrained wrote",
    )


def needs_own_code(config: dict[str, Any]) -> bool:
    """Whether transformers knows the architecture of this config.json only with the repository's own code.

    Where it has the architecture itself, as with Phi-3, such code is there for its earlier releases, and is
    passed over.
    """
    return bool(config.get("auto_map")) and str(config.get("model_type")) not in CONFIG_MAPPING
