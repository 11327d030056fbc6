"""The note beside fetched weights (TARGET.sha256): their sha256, as sha256sum writes them, and where they come from."""

from collections.abc import Mapping
from pathlib import Path

SUFFIX = ".sha256"
COMMENT = "# "  # before the address; `sha256sum --check` passes over such lines


def write(target: Path, hashes: Mapping[str, str], origin: str = "") -> None:
    """Note {name: sha256} of what was fetched; origin: the address of a repository at the commit that came."""
    comment = f"{COMMENT}{origin}\n" if origin else ""
    lines = "".join(f"{sha256}  {name}\n" for name, sha256 in hashes.items())
    _file(target).write_text(comment + lines, encoding="utf-8")


def noted(target: Path) -> dict[str, str]:
    """{name: sha256} that was noted when `target` was fetched; {} where nothing was."""
    lines = (line for line in _lines(target) if not line.startswith(COMMENT))
    return {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}


def origin(target: Path) -> str:
    """The address, with its commit, that a repository of the hub was fetched from; '' where none was noted."""
    return next((line.removeprefix(COMMENT) for line in _lines(target) if line.startswith(COMMENT)), "")


def _lines(target: Path) -> list[str]:
    file = _file(target)
    return file.read_text(encoding="utf-8").splitlines() if file.is_file() else []


def _file(target: Path) -> Path:
    return target.with_name(target.name + SUFFIX)
