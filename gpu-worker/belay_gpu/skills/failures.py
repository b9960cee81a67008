"""What a skill refuses, as data: a type of the contract's closed list and one clear line."""

from __future__ import annotations

from belay_gpu.engine.errors import EngineError


class SkillError(EngineError):
    """The message says what is wrong, where, and what would be right."""
