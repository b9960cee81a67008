"""Which device an engine runs on."""

from __future__ import annotations

import torch

from belay_gpu.engine.errors import EngineError


def resolve_device(name: str) -> torch.device:
    """`auto` is the first CUDA device, else the CPU.

    Raises:
        EngineError: the device was named and is not there.
    """
    if name == "auto":
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    device = torch.device("cuda:0" if name == "cuda" else name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise EngineError(
            "Unsupported",
            f"device {name} is not there: PyTorch sees {torch.cuda.device_count()} CUDA devices",
        )
    return device


def describe_device(device: torch.device) -> str:
    """For people and for the manifest: equal strings are equal hardware as far as bits are concerned."""
    if device.type == "cuda":
        return f"{device} {torch.cuda.get_device_name(device)}"
    return f"cpu {torch.backends.cpu.get_cpu_capability()} x{torch.get_num_threads()}"


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
