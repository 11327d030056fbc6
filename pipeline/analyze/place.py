"""Where results of an analysis go."""

from pathlib import Path

FOLDER = "analyze"  # below a workspace


def folder(work: Path, verb: str) -> Path:
    """WORK/analyze/<verb>."""
    return work / FOLDER / verb
