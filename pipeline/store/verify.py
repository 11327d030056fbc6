"""Finds the damaged files of a workspace and sets them aside, so that the next run makes them again."""

import gzip
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path, PurePosixPath

from pipeline import files, progress
from pipeline.rows import container
from pipeline.store import home, journal, memory
from pipeline.store.workspace import COMPARISONS, RUNS, Workspace

DAMAGED = ".damaged"  # ending of files that were set aside
DEPTH = 6  # folders and the file: compare/GRID/STAGE/MODEL/seed1/best.pt
BLOCK = 1 << 20  # bytes


def _zip(path: Path) -> str:
    """What is wrong with a file of torch or NumPy: they are zips, whose members have a CRC."""
    kind = "checkpoint" if path.suffix == ".pt" else "archive"
    try:
        with zipfile.ZipFile(path) as packed:
            broken = packed.testzip()
    except Exception as error:  # changed bytes make zipfile raise nearly anything
        return f"no whole {kind} ({error})"
    return f"the CRC of {broken} in it is wrong" if broken else ""


def _packed(path: Path) -> str:
    """What is wrong with a gzip file: its end has a CRC of the content."""
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
    """What is wrong with a JSON file."""
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        return f"no JSON ({error})"
    return ""


def _lines(path: Path) -> str:
    """What is wrong with JSON lines; a last line that was cut off is no damage: readers skip it."""
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
    """What is wrong with a file of another kind: that it is empty."""
    return "" if path.stat().st_size else "empty"


RUN = rf"{RUNS}/[\w][\w.-]*"  # the folder of a named run
STAGE, UNIT = rf"(({COMPARISONS}|{RUNS})/[\w][\w.@-]*/)?[\w][\w.-]*", r"[\w@+-]+(/[\w@-]+)?"
WORDS = {  # what stands in braces in the names that steps make
    "shard": r"\d{5,}\.h5",
    "side": "(video|text)",
    "unit": UNIT,
    "model": r"[\w@-]+/seed\d+",
}
NO_STAGES = (
    "ingest/table.h5",
    "ingest/windows.jsonl",
    "digests.json",
    "failures.jsonl",
    "times.jsonl",
    "run.yaml",
)  # files of no stage, or of any
INDEXES = ("index.json", "index.jsonl")
CHECKS: dict[str, Callable[[Path], str]] = {  # by ending; each gives what is wrong with a file, or ''
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
    """A pattern of the files below a stage's folder that a step makes (Options.MAKES)."""
    return re.compile("|".join(map(_pattern, makes)))


def _pattern(name: str) -> str:
    """The pattern of one name of MAKES."""
    return re.escape(name).replace(r"\{", "{").replace(r"\}", "}").format(**WORDS)


class Kinds:
    """Recognises the files that laff writes, by their paths below a workspace."""

    def __init__(self, makes: Iterable[str]) -> None:
        """Take the names of the files that steps make below a stage's folder (Options.MAKES and WORKING)."""
        inside = "|".join([*map(_pattern, makes), *map(re.escape, INDEXES)])
        self._pattern = re.compile(
            rf"{STAGE}/({inside})|{'|'.join(map(re.escape, NO_STAGES))}|{RUN}/(run\.yaml|circumstances\.json)"
        )

    def ours(self, name: str) -> bool:
        """Whether laff writes a file with this path."""
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
    """The files of a workspace in order: each path below it, and whether laff wrote it.

    laff wrote a file if `kinds` has its name and its folder has an index or a shard of laff's. links: whether to look
    into linked folders.
    """
    stage_folders: dict[str, bool] = {".": True, "ingest": True}
    for folder, inner, names in os.walk(root, followlinks=links):
        below = Path(folder).relative_to(root)
        inner.sort()
        if links and len(below.parts) >= DEPTH - 1:  # nothing of laff's is deeper, and links may form a loop
            inner.clear()
        deeper = below.parts[:1] in ((COMPARISONS,), (RUNS,))
        top = "/".join(below.parts[: 3 if deeper else 1]) or "."  # a stage's folder
        if top not in stage_folders:
            stage_folders[top] = _is_stage(root / top) or re.fullmatch(RUN, top) is not None
        for name in sorted(names):
            path = (below / name).as_posix()
            yield path, stage_folders[top] and kinds.ours(path)


def _is_stage(folder: Path) -> bool:
    """Whether a folder is that of a stage, as far as one can tell without stages.yaml."""
    if any((folder / name).is_file() for name in ("index.jsonl", "index.json")):
        return True
    return any(
        container.is_ours(path) for inner in (".", "video", "text", "frames") for path in folder.glob(f"{inner}/*.h5")
    )


def damaged(root: Path, kinds: Kinds) -> tuple[int, dict[str, str]]:
    """How many files laff wrote, and {path below the workspace: what is wrong with it} of the damaged ones.

    Reads every file and writes nothing; a run may be going on. Raises LaffError where there is no workspace.
    """
    home.check(root)
    names = [name for name, ours in walk(root, kinds, links=True) if ours]
    problems = {}
    with progress.bar("verify", len(names), "file") as bar:
        for name in names:
            if problem := kinds.damage(root, name):
                problems[name] = problem
            bar.advance()
    return len(names), problems


def links(root: Path) -> dict[str, str]:
    """{path below a workspace: where it leads} of all links in it; none is followed."""
    targets = {}
    for folder, inner, names in os.walk(root):
        for path in (Path(folder) / name for name in sorted([*inner, *names])):
            if path.is_symlink():
                targets[path.relative_to(root).as_posix()] = str(path.readlink())
    return targets


def is_outside(root: Path, name: str) -> bool:
    """Whether a link leads from the workspace to the folder of a file, which others may use: laff leaves it alone."""
    return not (root / name).parent.resolve().is_relative_to(root.resolve())


def set_aside(root: Path, kinds: Kinds, names: list[str]) -> list[str]:
    """Rename those of these files that are still damaged -> their names. LaffError while a run holds the workspace.

    A file of JSON lines is replaced by one with its whole lines. Files outside the workspace stay.
    """
    moved = []
    with Workspace(root).lock():
        for name in names:
            if not is_outside(root, name) and kinds.damage(root, name):
                path = root / name
                whole_lines = list(journal.read(path)) if path.suffix == ".jsonl" else None
                path.replace(path.with_name(path.name + DAMAGED))
                if whole_lines is not None:  # they are the only record that models and runs are finished
                    files.write_text(path, journal.lines(whole_lines))
                files.sync_folder(path.parent)
                moved.append(name)
    return moved
