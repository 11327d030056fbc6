"""Trainings that stand in the workspace already, under another name: the same recipe, items and seed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from pipeline.plan.context import Context
from pipeline.plan.units import Unit
from pipeline.store.index import NAME, Entry
from pipeline.store.workspace import COMPARISONS, RUNS

# Folders of stages below a workspace: of its main run, of others, and of comparisons.
PLACES = ("*", f"{RUNS}/*/*", f"{COMPARISONS}/*/*")


def adopt(context: Context, stage: str, unit: Unit) -> tuple[Entry, dict[str, Any]] | None:
    """Give a unit of a train stage the model of its twin, and return its record and recipe, or None.

    The model's file is linked, so that it takes no room; a training that replaces one of the two leaves the other.
    """
    if not (twin := find(context, stage, unit)):
        return None
    model, entry, recipe = twin
    _link(model, context.work.folder(stage) / unit.key / "best.pt")
    return entry, recipe


def find(context: Context, stage: str, unit: Unit) -> tuple[Path, Entry, dict[str, Any]] | None:
    """The twin of a unit of a train stage: its best.pt, record and recipe; None where there is none."""
    own = context.work.folder(stage)
    for path in sorted(found for place in PLACES for found in context.work.root.glob(f"{place}/{NAME}")):
        index = context.work.index_at(path.parent.relative_to(context.work.root).as_posix())
        for key, entry in index.entries.items():
            same = unit.fingerprint in (entry.fingerprint, entry.accepted) and entry.content == unit.content
            if same and path.parent / key != own / unit.key and index.entry(key):
                return path.parent / key / "best.pt", entry, index.recipes[entry.fingerprint]
    return None


def _link(there: Path, here: Path) -> None:
    """The same file in a second place; a copy where the file system has no links."""
    here.parent.mkdir(parents=True, exist_ok=True)
    for name in ("best.pt", "last.pt"):  # a last.pt of another training must not outlive its best.pt
        (here.parent / name).unlink(missing_ok=True)
    try:
        os.link(there, here)
    except OSError:
        shutil.copy2(there, here)
