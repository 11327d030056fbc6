"""The folder of an analysis, and the command that makes what is analyzed."""

from pathlib import Path

from pipeline.store.workspace import COMPARISONS

FOLDER = "analyze"  # below a workspace


def folder(work: Path, verb: str) -> Path:
    """The folder WORK/analyze/<verb>."""
    return work / FOLDER / verb


def maker(stage: str) -> str:
    """The command that makes a stage: `laff train`, or for compare/GRID/train `laff compare GRID`."""
    first, *rest = stage.split("/")
    return f"laff compare {rest[0]}" if first == COMPARISONS and rest else f"laff {stage}"
