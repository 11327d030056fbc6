"""What shapes the results of a process: its code, Python, libraries. Processes of one run must have the same."""

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
    """Versions of this process by name; its code as it was when first asked."""
    found = {"python": ".".join(map(str, sys.version_info[:2]))}
    for package in PACKAGES:
        found[package] = installed(package)
    sources = sorted(path for room in ("pipeline", "extractors", "fusion") for path in (code.ROOT / room).rglob("*.py"))
    found["laff"] = files.digest([[str(path.relative_to(code.ROOT)), files.sha256(path)] for path in sources])[:12]
    return found


def check(address: str, wanted: dict[str, str], seen: Iterable[str]) -> None:
    """LaffError where this process, the worker at `address`, has other versions or does not see the paths `seen`."""
    mine = about()
    wrong = [f"{name} {mine.get(name)} (here {is_})" for name, is_ in wanted.items() if mine.get(name) != is_]
    where = f"worker {address} on {socket.gethostname()}"
    if wrong:
        raise LaffError(f"{where} is not like the run: {', '.join(wrong)}; install the same and start it anew")
    if lost := [path for path in seen if not Path(path).exists()]:
        raise LaffError(f"{where} does not see {lost[0]}; workers and this run need the same folders at the same paths")
