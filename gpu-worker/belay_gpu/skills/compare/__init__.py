"""Paired comparison of two scorings of the same rows."""

from belay_gpu.skills.compare.compare import compare

__all__ = ["compare"]
