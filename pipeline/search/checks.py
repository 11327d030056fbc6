"""What a search is given, checked: a folder that can be searched, a split, a number of videos."""

import shlex
from pathlib import Path

from pipeline.errors import LaffError, did_you_mean, near_path
from pipeline.items.splits import SPLITS
from pipeline.store import home


def check_made(work: Path) -> None:
    """Raise LaffError where a folder is not there, or was never indexed and is no workspace."""
    if not work.is_dir():
        raise LaffError(f"no such folder: {work}{near_path(work)}")
    if home.holds(work):
        return
    folder = shlex.quote(str(home.shown(work)))
    inside = next((entry for entry in sorted(work.iterdir()) if home.holds(entry)), None)
    if inside is not None:
        raise LaffError(f"{home.shown(work)} is no workspace, but holds one: -w {shlex.quote(str(inside))}")
    raise LaffError(
        f"{home.shown(work)} is not indexed yet: laff index {folder} (the workspace of a collection is made by "
        f"laff run -c collection.yaml -w {folder})"
    )


def check_split(split: str) -> None:
    """Raise LaffError where there is no such split."""
    if split != "all" and split not in SPLITS:
        raise LaffError(f"no split '{split}'{did_you_mean(split, SPLITS)} (all, {', '.join(SPLITS)})")


def check_count(k: int) -> None:
    """Raise LaffError where no video is asked for."""
    if k < 1:
        raise LaffError(f"k is {k}; at least one video should be asked for")
