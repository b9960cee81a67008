"""Canonical bytes: what is hashed must not depend on the process that wrote it."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any


def canonical_json(value: Any) -> bytes:
    """JSON with sorted keys, no white space and no NaN, as UTF-8.

    Raises:
        ValueError: a number in `value` is not finite.
    """
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def readable_json(value: Any) -> bytes:
    """As canonical as `canonical_json`, but indented: for files that people open."""
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def sha256_bytes(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def finite_only(values: dict[str, float]) -> dict[str, float]:
    """Drops what no JSON reader would take: a metric that is not finite is a metric that is not there."""
    return {name: value for name, value in values.items() if math.isfinite(value)}
