"""Which files of a workspace are damaged, and setting those aside, so that the next run makes them again."""

import gzip
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath

from pipeline import files, progress
from pipeline.errors import LaffError
from pipeline.rows import container
from pipeline.store import journal, memory
from pipeline.store.workspace import COMPARISONS, RUNS, Workspace

DAMAGED = ".damaged"  # ending of what was set aside
DEPTH = 6  # folders and the file: compare/GRID/STAGE/MODEL/seed1/best.pt
BLOCK = 1 << 20  # bytes


def _zip(path: Path) -> str:
    """Files of torch and NumPy are zips, whose members have a CRC."""
    what = "checkpoint" if path.suffix == ".pt" else "archive"
    try:
        with zipfile.ZipFile(path) as packed:
            broken = packed.testzip()
    except Exception as error:  # changed bytes make zipfile raise nearly anything
        return f"no whole {what} ({error})"
    return f"the CRC of {broken} in it is wrong" if broken else ""


def _packed(path: Path) -> str:
    """The end of a gzip stream has the CRC of what was packed."""
    try:
        with gzip.open(path) as packed:
            if not packed.read(BLOCK):
                return "empty"
            while packed.read(BLOCK):
                pass
    except Exception as error:  # zlib.error, EOFError, BadGzipFile
        return f"no whole gzip file ({error})"
    return ""


def _json(path: Path) -> str:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        return f"no JSON ({error})"
    return ""


def _lines(path: Path) -> str:
    """JSON lines. One that a kill or a full disk cut off is no damage: readers skip it, and its unit is made again."""
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        try:
            if line.endswith(b"}"):
                json.loads(line)
        except json.JSONDecodeError as error:
            if error.pos < len(error.doc):
                return f"line {number} is no JSON ({error.msg})"
        except ValueError as error:
            return f"line {number} is no text ({error})"
    return ""


def _filled(path: Path) -> str:
    return "" if path.stat().st_size else "empty"


RUN = rf"{RUNS}/[\w][\w.-]*"  # the folder of a run with a name of its own
STAGE, UNIT = rf"(({COMPARISONS}|{RUNS})/[\w][\w.@-]*/)?[\w][\w.-]*", r"[\w@-]+(/[\w@-]+)?"
WORDS = {  # what a name that a step makes may hold
    "shard": r"\d{5,}\.h5",
    "side": "(video|text)",
    "unit": UNIT,
    "model": r"[\w@-]+/seed\d+",
}
OTHERS = (
    "ingest/table.h5",
    "ingest/windows.jsonl",
    "digests.json",
    "failures.jsonl",
    "times.jsonl",
    "run.yaml",
)  # files of no stage, or of any
INDEXES = ("index.json", "index.jsonl")
CHECKS: dict[str, Callable[[Path], str]] = {  # ending -> what is wrong with a file, or ''; else whether it is empty
    ".h5": container.check,
    ".pt": _zip,
    ".npz": _zip,
    ".gz": _packed,
    ".json": _json,
    ".jsonl": _lines,
    ".yaml": memory.damage,
}


@cache
def pattern(makes: tuple[str, ...]) -> re.Pattern[str]:
    """Fits the files below a stage's folder that a step says it makes."""
    return re.compile("|".join(map(_pattern, makes)))


def _pattern(name: str) -> str:
    return re.escape(name).replace(r"\{", "{").replace(r"\}", "}").format(**WORDS)


class Kinds:
    """Tells the files that laff writes by their path below a workspace."""

    def __init__(self, makes: Iterable[str]) -> None:
        """makes: names below a stage's folder, as the steps say them (Options.MAKES and WORKING)."""
        inside = "|".join([*map(_pattern, makes), *map(re.escape, INDEXES)])
        self._pattern = re.compile(rf"{STAGE}/({inside})|{'|'.join(map(re.escape, OTHERS))}|{RUN}/run\.yaml")

    def ours(self, name: str) -> bool:
        """Whether laff writes a file of this path."""
        return self._pattern.fullmatch(name) is not None

    def damage(self, root: Path, name: str) -> str:
        """What is wrong with a file that laff writes, or ''; reads all of it."""
        if not self.ours(name):
            return ""
        try:
            return CHECKS.get(PurePosixPath(name).suffix, _filled)(root / name)
        except FileNotFoundError:  # a run beside this one replaces and removes files
            return ""
        except OSError as error:
            return error.strerror or str(error)


def walk(root: Path, kinds: Kinds, links: bool = False) -> Iterator[tuple[str, bool]]:
    """Files of a workspace in order: path below it, and whether laff wrote it.

    That takes a name of `kinds`, in a folder that has an index or a shard of ours. `links`: look into linked folders.
    """
    own: dict[str, bool] = {".": True, "ingest": True}
    for folder, inner, names in os.walk(root, followlinks=links):
        below = Path(folder).relative_to(root)
        inner.sort()
        if links and len(below.parts) >= DEPTH - 1:  # nothing of laff's is deeper, and links may form a loop
            inner.clear()
        deeper = below.parts[:1] in ((COMPARISONS,), (RUNS,))
        top = "/".join(below.parts[: 3 if deeper else 1]) or "."  # a stage's folder
        if top not in own:
            own[top] = _is_stage(root / top) or re.fullmatch(RUN, top) is not None
        for name in sorted(names):
            path = (below / name).as_posix()
            yield path, own[top] and kinds.ours(path)


def _is_stage(folder: Path) -> bool:
    """Whether a folder is of a stage, as far as one can tell without stages.yaml."""
    if any((folder / name).is_file() for name in ("index.jsonl", "index.json")):
        return True
    return any(
        container.is_ours(path) for inner in (".", "video", "text", "frames") for path in folder.glob(f"{inner}/*.h5")
    )


def look(root: Path, kinds: Kinds) -> tuple[int, dict[str, str]]:
    """Read every file that laff wrote: how many there are, and {path below the workspace: what is wrong with it}.

    Raises LaffError where there is no workspace. Writes nothing; a run may be under way.
    """
    if not root.is_dir():
        raise LaffError(f"{root}: no such workspace")
    names = [name for name, own in walk(root, kinds, links=True) if own]
    found = {}
    with progress.bar("verify", len(names), "file") as bar:
        for name in names:
            if wrong := kinds.damage(root, name):
                found[name] = wrong
            bar.advance()
    return len(names), found


def links(root: Path) -> dict[str, str]:
    """{path below a workspace: where it leads} of the links in it; none of them is followed."""
    found = {}
    for folder, inner, names in os.walk(root):
        for path in (Path(folder) / name for name in sorted([*inner, *names])):
            if path.is_symlink():
                found[path.relative_to(root).as_posix()] = str(path.readlink())
    return found


def is_outside(root: Path, name: str) -> bool:
    """Whether a link leads to the folder of a file out of the workspace: what others may use is not ours to change."""
    return not (root / name).parent.resolve().is_relative_to(root.resolve())


def set_aside(root: Path, kinds: Kinds, names: list[str]) -> list[str]:
    """Rename those of these files that are still damaged; returns them. LaffError while a run holds the workspace.

    In the place of a file of lines comes one with the lines that are whole. Those outside the workspace stay.
    """
    moved = []
    with Workspace(root).lock():
        for name in names:
            if not is_outside(root, name) and kinds.damage(root, name):
                path = root / name
                whole = list(journal.read(path)) if path.suffix == ".jsonl" else None
                path.replace(path.with_name(path.name + DAMAGED))
                if whole is not None:  # its other lines are the only record that models and runs are finished
                    files.write_text(path, journal.lines(whole))
                files.sync_folder(path.parent)
                moved.append(name)
    return moved
