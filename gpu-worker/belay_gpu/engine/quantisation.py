"""What a base of 4 bits needs beside the locked environment."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from belay_gpu.engine.errors import EngineError

# Not locked: 60 MB that only CUDA machines with such an experiment have a use for.
PACKAGE = "bitsandbytes"
VERSION = "0.50.2"


def quantises() -> bool:
    """Whether this environment can load a base in 4 bits."""
    return find_spec(PACKAGE) is not None


def check_quantises() -> None:
    """Raises: EngineError (Unsupported) with what to do where `load_in_4bit` cannot work here."""
    if not quantises():
        raise EngineError(
            "Unsupported",
            f"model.load_in_4bit: needs {PACKAGE}, which the workers' Python environment does not have; "
            f"run `uv pip install --python {sys.executable} {PACKAGE}=={VERSION}`, or set it to false",
        )
