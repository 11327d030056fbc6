"""The versions that shape the results of a process: code, Python, libraries. All processes of a run need the same."""

import socket
import sys
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pipeline import files
from pipeline.errors import LaffError
from pipeline.parts import code

PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "av",
    "decord",
    "pillow",
    "h5py",
    "timm",
    "open_clip_torch",
    "pytorchvideo",
)


ABSENT = "absent"


@cache
def installed(package: str) -> str:
    """The version of a package here, or ABSENT."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ABSENT


@cache
def about() -> dict[str, str]:
    """Versions of this process by name; its code as it was at the first call."""
    versions = {"python": ".".join(map(str, sys.version_info[:2]))}
    for package in PACKAGES:
        versions[package] = installed(package)
    sources = sorted(path for room in ("pipeline", "extractors", "fusion") for path in (code.ROOT / room).rglob("*.py"))
    versions["laff"] = files.digest([[str(path.relative_to(code.ROOT)), files.sha256(path)] for path in sources])[:12]
    return versions


def check(address: str, wanted: dict[str, str], seen: Iterable[str]) -> None:
    """Raise LaffError where this process, the worker at `address`, has other versions or lacks a path of `seen`."""
    versions = about()
    differences = [
        f"{name} {versions.get(name)} (here {expected})"
        for name, expected in wanted.items()
        if versions.get(name) != expected
    ]
    where = f"worker {address} on {socket.gethostname()}"
    if differences:
        raise LaffError(f"{where} is not like the run: {', '.join(differences)}; install the same and start it anew")
    if lost := [path for path in seen if not Path(path).exists()]:
        raise LaffError(f"{where} does not see {lost[0]}; workers and this run need the same folders at the same paths")
