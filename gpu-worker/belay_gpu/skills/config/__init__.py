"""Config skill: the search space checked against the model, or proposed with reasons."""

from belay_gpu.skills.config.build import build_search_space
from belay_gpu.skills.config.memory import target_device

__all__ = ["build_search_space", "target_device"]
