"""Bits that repeat: what must be set before the first tensor, and what may be switched per step."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel


def prepare_process(threads: int) -> None:
    """Call before the first CUDA call and the first matrix product.

    Reductions are split by threads, so their number is fixed; MKL is told to take one code path; cuBLAS gets
    the workspace without which its results may vary.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    os.environ.setdefault("MKL_CBWR", "AUTO")
    torch.set_num_threads(threads)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = False
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


@contextmanager
def full_determinism(enabled: bool, device: torch.device) -> Iterator[None]:
    """Deterministic algorithms, or an error where an operation has none."""
    if not enabled:
        yield
        return
    with ExitStack() as stack:
        if device.type == "cuda":
            stack.enter_context(sdpa_kernel([SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]))
        before = torch.are_deterministic_algorithms_enabled()
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before)
