"""The workspace that a folder of videos keeps inside, hidden, and how it is found from there, as git finds its own.

Looked at before a command is known, so it imports nearly nothing.
"""

import shlex
from pathlib import Path

from pipeline.errors import LaffError, near_path

NAME = ".laff"
REMEMBERS = "run.yaml"  # what a workspace remembers its last run in
COMPARISONS = "compare"  # folder below a workspace: GRID/train and GRID/rank are as the stages of a run
RUNS = "runs"  # folder below a workspace: NAME/train, NAME/rank … are the stages of a run with other settings
MAIN = "main"  # the name of the run whose stages are in WORK itself


def holds(folder: Path) -> bool:
    """Whether a folder is a workspace: whether a run is remembered there."""
    return (folder / REMEMBERS).is_file()


def meant(work: Path) -> Path:
    """The workspace that `-w WORK` means: WORK, or what it keeps inside where it is none itself."""
    return work / NAME if not holds(work) and holds(work / NAME) else work


def check(work: Path) -> None:
    """Raise LaffError where there is no such workspace, with one of a near name."""
    if not work.is_dir():
        raise LaffError(f"{work}: no such workspace{near_path(work)}")


def nearest(start: Path) -> Path | None:
    """What the nearest folder keeps inside, from `start` upwards; None where none does.

    It is told in the words of `start` where it lies there, else in full.
    """
    whole = start.absolute()
    for folder in (whole, *whole.parents):
        if holds(folder / NAME):
            return start / NAME if folder == whole else folder / NAME
    return None


def is_index(collection: Path, work: Path) -> bool:
    """Whether a workspace is an index: `laff index` keeps its collection.yaml inside."""
    return collection.parent.resolve() == work.resolve()


def shown(work: Path) -> Path:
    """The name of an index for a person: its folder of videos, or the workspace where that is elsewhere."""
    return work.parent if work.name == NAME else work


def index_command(work: Path) -> str:
    """The command that brings an index up to date."""
    option = "" if work.name == NAME else "-w "
    return f"laff index {option}{shlex.quote(str(shown(work)))}"
