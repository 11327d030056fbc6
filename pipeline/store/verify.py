"""Which files of a workspace are damaged, and setting those aside, so that the next run makes them again."""

import gzip
import json
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline import files, progress
from pipeline.errors import LaffError
from pipeline.rows import container
from pipeline.store import journal
from pipeline.store.workspace import COMPARISONS, Workspace

DAMAGED = ".damaged"  # ending of what was set aside
DEPTH = 6  # folders and the file: compare/GRID/STAGE/MODEL/seed1/best.pt
BLOCK = 1 << 20  # bytes


def _checkpoint(path: Path) -> str:
    """A torch file is a zip, whose members have a CRC."""
    try:
        with zipfile.ZipFile(path) as packed:
            broken = packed.testzip()
    except Exception as error:  # changed bytes make zipfile raise nearly anything
        return f"no whole checkpoint ({error})"
    return f"the CRC of {broken} in it is wrong" if broken else ""


def _run(path: Path) -> str:
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


def _text(path: Path) -> str:
    return "" if path.stat().st_size else "empty"


STAGE, RUN = rf"({COMPARISONS}/[\w][\w.-]*/)?[\w][\w.-]*", r"[\w@-]+/seed\d+"
KINDS: dict[str, Callable[[Path], str]] = {  # what laff writes, below the workspace -> what is wrong with it, or ''
    rf"{STAGE}/((video|text|frames)/)?\d{{5,}}\.h5|{STAGE}/{RUN}/ranks\.h5|ingest/table\.h5": container.check,
    rf"{STAGE}/({RUN}/)?(best|last)\.pt": _checkpoint,
    rf"{STAGE}/{RUN}/(t2v|v2t)\.trec\.gz": _run,
    rf"{STAGE}/(metrics|index)\.json|digests\.json": _json,
    rf"{STAGE}/index\.jsonl|failures\.jsonl|times\.jsonl": _lines,
    rf"{STAGE}/((t2v|v2t)\.csv|index\.html)": _text,
}


def kind(name: str) -> Callable[[Path], str] | None:
    """What checks a file, told by its path below the workspace; None for a file that laff does not write."""
    return next((check for pattern, check in KINDS.items() if re.fullmatch(pattern, name)), None)


def walk(root: Path, links: bool = False) -> Iterator[tuple[str, bool]]:
    """Files of a workspace in order: path below it, and whether laff wrote it.

    That takes a name of `KINDS`, in a folder that has an index or a shard of ours. `links`: look into linked folders.
    """
    own: dict[str, bool] = {".": True, "ingest": True}
    for folder, inner, names in os.walk(root, followlinks=links):
        below = Path(folder).relative_to(root)
        inner.sort()
        if links and len(below.parts) >= DEPTH - 1:  # nothing of laff's is deeper, and links may form a loop
            inner.clear()
        top = "/".join(below.parts[: 3 if below.parts[:1] == (COMPARISONS,) else 1]) or "."  # a stage's folder
        if top not in own:
            own[top] = _is_stage(root / top)
        for name in sorted(names):
            path = (below / name).as_posix()
            yield path, own[top] and kind(path) is not None


def _is_stage(folder: Path) -> bool:
    """Whether a folder is of a stage, as far as one can tell without stages.yaml."""
    if any((folder / name).is_file() for name in ("index.jsonl", "index.json")):
        return True
    return any(
        container.is_ours(path) for inner in (".", "video", "text", "frames") for path in folder.glob(f"{inner}/*.h5")
    )


def damage(root: Path, name: str) -> str:
    """What is wrong with a file that laff writes, or ''; reads all of it."""
    check = kind(name)
    try:
        return check(root / name) if check else ""
    except FileNotFoundError:  # a run beside this one replaces and removes files
        return ""
    except OSError as error:
        return error.strerror or str(error)


def look(root: Path) -> tuple[int, dict[str, str]]:
    """Read every file that laff wrote: how many there are, and {path below the workspace: what is wrong with it}.

    Raises LaffError where there is no workspace. Writes nothing; a run may be under way.
    """
    if not root.is_dir():
        raise LaffError(f"{root}: no such workspace")
    names = [name for name, own in walk(root, links=True) if own]
    found = {}
    with progress.bar("verify", len(names), "file") as bar:
        for name in names:
            if wrong := damage(root, name):
                found[name] = wrong
            bar.advance()
    return len(names), found


def set_aside(root: Path, names: list[str]) -> list[str]:
    """Rename those of these files that are still damaged; returns them. LaffError while a run holds the workspace.

    In the place of a file of lines comes one with the lines that are whole.
    """
    moved = []
    with Workspace(root).lock():
        for name in names:
            if damage(root, name):
                path = root / name
                whole = list(journal.read(path)) if path.suffix == ".jsonl" else None
                path.replace(path.with_name(path.name + DAMAGED))
                if whole is not None:  # its other lines are the only record that models and runs are finished
                    files.write_text(path, journal.lines(whole))
                files.sync_folder(path.parent)
                moved.append(name)
    return moved
