"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version

from gpu_parts.report import Report

PACKAGES = ("torchvision", "timm", "transformers", "open_clip_torch", "pytorchvideo", "av", "numpy", "h5py")


def run(report: Report) -> None:
    """The machine, its GPU, and versions."""
    import torch

    report.row("Python", platform.python_version())
    report.row("torch", torch.__version__, note=f"built for CUDA {torch.version.cuda}")
    report.row("cores", len(os.sched_getaffinity(0)))
    report.gpu_row("GPU", torch.cuda.get_device_name() if report.gpu else None)
    report.gpu_row("driver", driver() if report.gpu else None)
    memory = torch.cuda.mem_get_info() if report.gpu else (0, 0)
    report.gpu_row("GPU memory", memory[1] / 2**30, "GiB")
    report.gpu_row("free of it", memory[0] / 2**30, "GiB")
    report.row("packages", ", ".join(map(versioned, PACKAGES)))


def driver() -> str:
    """Of the GPU, as nvidia-smi says."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError) as error:
        return f"unknown ({type(error).__name__})"


def versioned(package: str) -> str:
    """A package with its version."""
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"no {package}"
