"""Trainings that the workspace already has under another name: the same recipe, items and seed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from pipeline.plan.context import Context
from pipeline.plan.units import Unit
from pipeline.store.index import NAME, Entry
from pipeline.store.workspace import COMPARISONS, RUNS

# Folders of stages in a workspace: of its main run, of other runs, and of comparisons.
PLACES = ("*", f"{RUNS}/*/*", f"{COMPARISONS}/*/*")


def adopt(context: Context, stage: str, unit: Unit) -> tuple[Entry, dict[str, Any]] | None:
    """Give a unit of a train stage an equal training's model, and return that one's record and recipe; else None.

    The model's file is linked, so that it needs no room; a training that replaces one of the two leaves the other.
    """
    if not (equal := find(context, stage, unit)):
        return None
    model, entry, recipe = equal
    _link(model, context.work.folder(stage) / unit.key / "best.pt")
    return entry, recipe


def find(context: Context, stage: str, unit: Unit) -> tuple[Path, Entry, dict[str, Any]] | None:
    """Find a training equal to a unit of a train stage: its best.pt, record and recipe, or None."""
    folder = context.work.folder(stage)
    for path in sorted(index_path for place in PLACES for index_path in context.work.root.glob(f"{place}/{NAME}")):
        index = context.work.index_at(path.parent.relative_to(context.work.root).as_posix())
        for key, entry in index.entries.items():
            same = unit.fingerprint in (entry.fingerprint, entry.accepted) and entry.content == unit.content
            if same and path.parent / key != folder / unit.key and index.entry(key):
                return path.parent / key / "best.pt", entry, index.recipes[entry.fingerprint]
    return None


def _link(source: Path, target: Path) -> None:
    """Link a file to a second place; copy it where the file system has no links."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for name in ("best.pt", "last.pt"):  # a last.pt of another training must not outlive its best.pt
        (target.parent / name).unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
