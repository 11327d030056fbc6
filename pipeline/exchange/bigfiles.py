"""One BigFile folder: its width and ids, or what is wrong with it and how to mend it."""

from pathlib import Path

from extractors.vectors import open_bigfile
from pipeline.errors import LaffError
from pipeline.exchange.found import Part
from pipeline.rows import bigfile
from pipeline.rows.items import Layout
from pipeline.rows.reading import Reader

FILES = ("feature.bin", "id.txt", "shape.txt")
FORM = "BigFile"


def is_one(folder: Path) -> bool:
    """Whether a folder is a BigFile, or the rest of one."""
    return any((folder / name).is_file() for name in ("feature.bin", "shape.txt"))


def part(folder: Path) -> Part:
    """The BigFile of a folder; its rows are not read. LaffError says what is wrong and how to mend it."""
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise LaffError(f"{folder}: has no {', '.join(missing)}{_mend(folder, missing)}")
    ids = Reader(folder, Layout()).ids
    return Part(folder, int(open_bigfile(folder)[1].shape[1]), ids, FORM)


def videos(part_: Part) -> list[str]:
    """The videos whose frames a BigFile has; LaffError where an id names no frame, or two the same."""
    return bigfile.frames(part_.path, list(part_.ids)).ids


def words(folder: Path) -> Part:
    """The BigFile of a folder with word vectors, in which a word may stand twice."""
    try:
        ids, table = open_bigfile(folder)
    except ValueError as error:
        raise LaffError(str(error)) from error
    return Part(folder, int(table.shape[1]), ids, FORM)


def _mend(folder: Path, missing: list[str]) -> str:
    """How to make a missing shape.txt, where the other two files tell it."""
    if missing != ["shape.txt"]:
        return "; copy the folder again"
    size, count = (folder / "feature.bin").stat().st_size, len((folder / "id.txt").read_bytes().split())
    if not count or size % (4 * count):
        return f"; and feature.bin of {size} bytes has no whole float32 rows for {count} ids: copy the folder again"
    return f"; if feature.bin and id.txt are whole, write into it: {count} {size // (4 * count)}"
