"""Writes files that are whole or absent: under a temporary name, flushed to disk, then renamed."""

import csv
import errno
import hashlib
import io
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

JsonObject = dict[str, Any]  # an object of a JSON file; each key has a type of its own, which its readers know
PARTIAL = ".partial"  # ending of every temporary file, by which those of an interrupted run are found
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # disk full, quota used up, disk became read-only


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`; on a clean exit it becomes `path`, else it is removed.

    Raises OSError as `writing` does.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PARTIAL}")
        temporary.touch(exist_ok=False)  # with the permissions of the umask, which tempfile would ignore
        try:
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
        finally:
            with suppress(OSError):  # a disk that became read-only keeps it; the first error matters
                temporary.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A new folder beside `path`; on a clean exit it becomes `path`, in the place of one that is there, else it goes.

    Raises OSError as `writing` does.
    """
    place = path.absolute()
    part = place.parent / f".{place.name}.{secrets.token_hex(4)}{PARTIAL}"
    try:
        with writing(part):
            part.mkdir(parents=True)
            yield part
            for folder in (part, *(inner for inner in part.rglob("*") if inner.is_dir())):
                sync_folder(folder)
            old = place.parent / f".{place.name}.{secrets.token_hex(4)}{PARTIAL}"
            if place.exists():
                place.replace(old)
            part.replace(place)
            sync_folder(place.parent)
            shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn errors of a full or read-only disk, from any library, into an OSError of NO_ROOM with `path` as filename."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if number := _no_room(error):
            raise OSError(number, os.strerror(number), str(path)) from error
        raise


def _no_room(error: BaseException | None) -> int:
    """The errno of NO_ROOM that an error comes from, or 0; torch's writer hides the OSError behind another error."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            return error.errno
        error = error.__cause__ or error.__context__
    return 0


def text_of(path: Path) -> str:
    """The text of a file that people wrote: UTF-8, or UTF-16 where a byte order mark says so; without the mark.

    Raises OSError and UnicodeDecodeError.
    """
    with path.open("rb") as file:
        mark = file.read(2)
    return path.read_text(encoding="utf-16" if mark in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")


def located(value: str | Path, beside: Path) -> Path:
    """The absolute path of one that a person typed: as it is where it exists, else beside another file."""
    path = Path(value).expanduser()
    return (path if path.is_absolute() or path.exists() else beside.parent / path).absolute()


def sync_folder(folder: Path) -> None:
    """Flush a folder, so that a rename in it survives a power cut; some file systems need none and refuse."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_csv(path: Path, lines: Iterable[Sequence[Any]]) -> Path:
    """Write lines of cells, a header first, whole or not at all; numbers keep their digits."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(lines)
    write_text(path, out.getvalue())
    return path


def write_json(path: Path, value: Any) -> None:
    """Write JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def read_json(path: Path, default: Any = None) -> Any:
    """The JSON in `path`; `default` where it is missing or unreadable, since laff can make all its JSON again."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return default


def sha256(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest(value: Any) -> str:
    """Hex sha256 of a value that JSON can hold; the order of a dict's keys does not matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def remove_partials(folder: Path) -> int:
    """Delete what interrupted writes left under `folder` -> how many files and folders."""
    partials = list(folder.rglob(f".*{PARTIAL}"))
    for path in partials:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return len(partials)
