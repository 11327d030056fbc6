"""The folder of an export: which may become one, and export.json, which tells what it holds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline import files
from pipeline.errors import LaffError, printable
from pipeline.exporting.table import Table
from pipeline.files import JsonObject
from pipeline.store import home

NAME = "export.json"
FORMAT = 1  # of export.json


def check(out: Path, work: Path, again: bool) -> None:
    """Raise LaffError where `out` cannot become an export: a file, a folder in use, or in the workspace.

    again: whether an export that is there may be replaced.
    """
    home.check(work)
    if out.resolve().is_relative_to(work.resolve()):
        raise LaffError(f"{out} lies in the workspace {work}; give the export a folder of its own")
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise LaffError(f"{out} is {'a link' if out.is_symlink() else 'a file'}; give the export a folder of its own")
    if not out.is_dir() or not any(out.iterdir()):
        return
    about: Any = files.read_json(out / NAME)
    if not isinstance(about, dict) or "export" not in about:
        raise LaffError(f"{out} is not empty, and no export; give another folder, nothing in it was changed")
    if strange := _stranger(out, about):
        raise LaffError(
            f"{out} is an export, and also holds {printable(strange)}, which does not belong to it; move that away, or "
            "give another folder"
        )
    if not again:
        raise LaffError(f"{out} is an export already; --yes replaces it")


def _stranger(out: Path, about: JsonObject) -> str:
    """A file in an export that is not one of its own; '' where there is none."""
    held = {NAME, *(name for name in about.get("files", []) if not name.endswith("/"))}
    folders = tuple(name for name in about.get("files", []) if name.endswith("/"))
    for path in sorted(path for path in out.rglob("*") if not path.is_dir()):
        name = path.relative_to(out).as_posix()
        if name not in held and not (folders and name.startswith(folders) and name.endswith(".npy")):
            return name
    return ""


def describe(table: Table, held: Sequence[str]) -> JsonObject:
    """What export.json says of a feature; held: its files."""
    shape = {"ids": len(table.ids), "rows": table.count, "width": table.width, "dtype": table.dtype.name}
    return {
        "name": table.name,
        "feature": table.chosen.stage.name,
        "side": table.side,
        "level": table.level,
        **shape,
        "sparse": table.sparse,
        "files": list(held),
        "about": table.about(),
        "missing": [{"id": item.id, "reason": item.reason} for item in table.missing],
    }
