"""Config skill: the search space checked against the model, or proposed with reasons."""

from belay_gpu.skills.config.build import build_search_space

__all__ = ["build_search_space"]
