"""The files that belong to a file with features: the ids beside an .npy, and what a CSV lists."""

from pathlib import Path

from pipeline.errors import LaffError
from pipeline.rows import feature_list, npy


def companions(path: Path) -> list[Path]:
    """The files that are read together with `path`, as far as they exist; none for most formats."""
    try:
        if path.suffix.lower() == ".csv":
            return [file for _, file in feature_list.read(path) if file.is_file()]
        if path.suffix.lower() == ".npy":
            starts = npy.beside(path, npy.STARTS)
            return [npy.ids_beside(path), *([starts] if starts.is_file() else [])]
    except LaffError:  # a table of another kind, or an array alone: who reads it says what is wrong
        return []
    return []
