"""package.yaml, the description of a package: read, and every name in it checked before a file is opened."""

import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline import files, yamls
from pipeline.errors import LaffError, problems
from pipeline.files import JsonObject
from pipeline.workers.versions import installed

NAME = "package.yaml"
STAGES = "stages.yaml"
CARD = "README.md"
WEIGHTS = "weights"  # the folder of published weights and of those that were given as files
LEARNED, TRAINED, INPUTS = "learned", "train", "files"  # folders of what was learned, and of other files
FORMAT = 1  # another one has other keys, or other meanings of them
SHA256 = re.compile(r"[0-9a-f]{64}")
LONGEST = 80  # characters of a wrong value that a message shows
MAPPINGS = ("files", "learned", "words", "trained", "widths", "code")
LISTS = ("models", "weights", "inputs", "random")


@dataclass(frozen=True)
class Manifest:
    """What package.yaml says; paths are names below the package's folder."""

    root: Path
    sha256: str  # of package.yaml itself
    version: str  # of laff, without a commit
    models: list[str]  # as `laff package --model` takes them, the main one first
    files: dict[str, str]  # path -> sha256
    learned: dict[str, str]  # stage -> best.pt
    words: dict[str, str]  # stage of an encoder inside the models -> its vocabulary
    trained: dict[str, str]  # MODEL/seedN -> best.pt
    widths: dict[str, list[int]]  # feature -> width, frames
    weights: list[JsonObject]  # stage, param, name, digest of each file of weights that is needed
    inputs: list[JsonObject]  # stage, param, names, digests of each param that names other files
    code: dict[str, dict[str, str]]  # stage or model -> module -> digest
    card: JsonObject = field(default_factory=dict)  # all of it, as it stands


def is_package(folder: Path) -> bool:
    """Whether a folder is a package, of any format."""
    try:
        return (folder / NAME).is_file() and "package" in (yamls.load(folder / NAME) or {})
    except (LaffError, TypeError):
        return False


def strangers(folder: Path) -> list[str]:
    """The files in a package's folder that its package.yaml does not list; of any format."""
    content = yamls.load(folder / NAME)
    listed = content.get("files") if isinstance(content, dict) else None
    listed_files = {NAME, CARD, *(listed if isinstance(listed, dict) else ())}
    files_there = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    return [name for name in files_there if name not in listed_files]


def read(root: Path) -> Manifest:
    """The package.yaml of a folder. LaffError where there is none, or another format or a newer laff made it."""
    root = root.expanduser().absolute()
    file = root / NAME
    if not root.exists():
        raise LaffError(f"package {root} is not there; where it was moved, give --package with its folder as it is now")
    if not file.is_file():
        raise LaffError(f"{root} is no package: it has no {NAME}; `laff package -w WORK OUT` makes one")
    content = yamls.load(file)
    if not isinstance(content, dict) or "package" not in content:
        raise LaffError(f"{file}: is not as laff wrote it; copy the package anew from where it was made")
    version = str(content.get("version", ""))
    if _newer(version):
        raise LaffError(
            f"{root}: made by laff {version}, and this is {installed('laff')}: upgrade laff, or package the model "
            "with this version"
        )
    if content["package"] != FORMAT:
        raise LaffError(
            f"{root}: a package of format {content['package']!r}, and this laff reads format {FORMAT}: package the "
            "model again with this version of laff"
        )
    if mistakes := _mistakes(root, content):
        raise problems(str(file), mistakes)
    known = {name: content.get(name) or {} for name in MAPPINGS} | {name: content.get(name) or [] for name in LISTS}
    known.pop("random")
    return Manifest(root, files.sha256(file), version, card=content, **known)


def _newer(version: str) -> bool:
    """Whether a version of laff is above the one that is installed."""
    here = _numbers(installed("laff"))
    return bool(here) and _numbers(version) > here


def _numbers(version: str) -> list[int]:
    """The numbers of a version, such as [1, 2, 0]; [] where it has none."""
    return [int(number) for number in re.findall(r"\d+", version)]


def _mistakes(root: Path, content: JsonObject) -> list[str]:
    """All that is wrong with the values: types, hashes, paths that lead out of the package."""
    mistakes = [f"{name} should be a mapping" for name in MAPPINGS if not isinstance(content.get(name) or {}, dict)]
    mistakes += [f"{name} should be a list" for name in LISTS if not isinstance(content.get(name) or [], list)]
    if mistakes:
        return mistakes
    listed = content.get("files") or {}
    links = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_symlink())
    mistakes += [f"{name} is a link; a package holds its files itself" for name in links]  # one may lead anywhere
    for name, sha256 in listed.items():
        if problem := _path_problem(name):
            mistakes.append(problem)
        elif not isinstance(sha256, str) or not SHA256.fullmatch(sha256):
            mistakes.append(f"files: the sha256 of {name} is {_short(sha256)}")
    named = {
        where: value for key in ("learned", "words", "trained") for where, value in (content.get(key) or {}).items()
    }
    mistakes += [
        f"{where}: its file {name!r} is not among `files`" for where, name in named.items() if name not in listed
    ]
    if STAGES not in listed:
        mistakes.append(f"files lacks {STAGES}")
    for key in ("weights", "inputs"):
        for entry in content.get(key) or []:
            if not isinstance(entry, dict) or not all(isinstance(entry.get(part), str) for part in ("stage", "param")):
                mistakes.append(f"{key}: {_short(entry)} should be a mapping with stage and param")
            elif any(name not in listed for name in _held(entry)):
                mistakes.append(f"{key}: {entry['stage']}.{entry['param']} names files that are not among `files`")
    for name, shape in (content.get("widths") or {}).items():
        if not (isinstance(shape, list) and len(shape) == 2 and all(isinstance(part, int) for part in shape)):
            mistakes.append(f"widths: {name} is {_short(shape)}; it should be [width, frames]")
    if not all(isinstance(digests, dict) for digests in (content.get("code") or {}).values()):
        mistakes.append("code should hold mappings of modules to digests")
    return mistakes


def _held(entry: JsonObject) -> list[str]:
    """The files of an entry of `inputs` that the package holds."""
    held = entry.get("files") or []
    return held if isinstance(held, list) else [str(held)]


def _short(value: Any) -> str:
    """A value of the file for a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _path_problem(name: Any) -> str:
    """Why a name is no path of a file inside the package, or ''."""
    if not isinstance(name, str) or not name.isprintable() or "\\" in name:
        return f"files: {_short(name)} is no name of a file"
    parts = PurePosixPath(name).parts
    if PurePosixPath(name).is_absolute() or ".." in parts or "/".join(parts) != name:
        return f"files: {_short(name)} leads out of the package; names stay below its folder"
    return ""
