"""What an engine runs on: the hardware and the versions that decide what a training computes."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from belay_gpu.engine.device import describe_device


def describe_environment(device: torch.device) -> dict[str, Any]:
    """The data of the trace event `engine.environment`. What a machine does not have or tell is None.

    Args:
        device: the device that the engine trains on.
    """
    cuda = device.type == "cuda"
    return {
        "device": describe_device(device),
        "deviceName": torch.cuda.get_device_name(device) if cuda else cpu_model(),
        "computeCapability": ".".join(map(str, torch.cuda.get_device_capability(device))) if cuda else None,
        "cpu": cpu_model(),
        "versions": {
            "python": platform.python_version(),
            # PyTorch's own name for itself says which CUDA it was built for; its metadata may not.
            "torch": torch.__version__,
            **{package: version(package) for package in ("transformers", "peft")},
            "cuda": torch.version.cuda if cuda else None,
            "cudnn": str(torch.backends.cudnn.version()) if cuda else None,
            "driver": driver_version() if cuda else None,
        },
    }


def cpu_model() -> str:
    """As the kernel names it; where it does not, the architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def driver_version() -> str | None:
    """Of the NVIDIA driver; PyTorch does not tell it."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip().splitlines()[0] if answer.stdout.strip() else None
