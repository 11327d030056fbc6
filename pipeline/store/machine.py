"""What a run runs on: versions of laff, Python and the packages that compute, and the hardware of this machine."""

import platform
import subprocess
from collections.abc import Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pipeline.devices import resources
from pipeline.parts.code import ROOT

PACKAGES = (
    *("torch", "torchvision", "numpy", "scipy", "av", "decord", "pillow", "h5py", "dask"),
    *("timm", "open_clip_torch", "pytorchvideo", "transformers", "tokenizers", "safetensors", "gensim"),
)
GIB = 1 << 30
UNKNOWN = "unknown"
CPU = ("sysctl", "-n", "machdep.cpu.brand_string")  # what tells a Mac's CPU


@cache
def versions() -> dict[str, str]:
    """{name: version} of laff, Python and those of PACKAGES that are installed here."""
    found = {"laff": _installed("laff"), "python": platform.python_version()}
    found |= {package: _installed(package) for package in PACKAGES}
    return {name: number for name, number in found.items() if number}


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


@cache
def commit(root: Path = ROOT) -> str:
    """The commit of laff, with -dirty behind it where files differ from it; '' where laff is no git checkout."""
    if not (root / ".git").exists():
        return ""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    return _asked(command)  # '' without git, or of another owner


def _asked(command: Sequence[str]) -> str:
    """What a command prints; '' where there is no such command, or it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def hardware() -> dict[str, Any]:
    """{machine, cpu, cores, memory, gpus}: texts, the number of cores that this process may use, a list of texts."""
    return {
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": _cpu(),
        "cores": resources.cores(),
        "memory": f"{resources.memory() / GIB:.0f} GiB",
        "gpus": list(_gpus()),
    }


def _cpu(described: Path = Path("/proc/cpuinfo")) -> str:
    """The name of the CPU; UNKNOWN where the system does not say it."""
    try:
        lines = described.read_text(encoding="utf-8").splitlines()
    except OSError:
        return _asked(CPU) or platform.processor() or UNKNOWN
    named = (line.partition(":")[2].strip() for line in lines if line.lower().startswith("model name"))
    return next(named, "") or platform.processor() or UNKNOWN


@cache
def _gpus(devices: Path = Path("/dev")) -> tuple[str, ...]:
    """The names of the GPUs that torch sees. Without a GPU in /dev it is not imported, since that takes a second."""
    if not any(devices.glob("nvidia[0-9]*")):
        return ()
    import torch

    return tuple(torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count()))
