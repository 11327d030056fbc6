"""Files of runs and judgements opened, gzipped or not: as bytes, as blocks of lines, and to be written."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from pipeline.errors import LaffError
from pipeline.files import whole

BLOCK = 1 << 22  # characters of lines that are handled together
Bytes = IO[bytes] | gzip.GzipFile
WIDE = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
LEVEL = 1  # of gzip: a run takes a quarter of the time of level 6, and 8 % more room
PACKED = b"\x1f\x8b"  # how a gzip file begins
MOST = 20  # mistakes of one file that its error lists
ENOUGH = 1000  # mistakes after which a file is not read further


def suffix(path: Path) -> str:
    """The ending of a file's name in small letters, that of gzip left out: '.trec' of `a.TREC.gz`."""
    endings = [ending.lower() for ending in path.suffixes]
    return next((ending for ending in reversed(endings) if ending != ".gz"), "")


@contextmanager
def reading(path: Path, what: str) -> Iterator[Bytes]:
    """The bytes of a file, unpacked where they are gzipped.

    what: the kind of file, for messages. Raises LaffError for a file that is missing, a folder, or damaged.
    """
    if not path.is_file():
        raise LaffError(f"{path}: {'is a folder, not a' if path.is_dir() else 'no such'} {what}")
    try:
        with ExitStack() as stack:
            raw: IO[bytes] = stack.enter_context(path.open("rb"))
            packed = raw.read(2) == PACKED
            raw.seek(0)
            if packed:
                yield stack.enter_context(gzip.GzipFile(fileobj=raw))
            else:
                yield raw
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise LaffError(f"{path}: damaged {what}: {error}; copy it again from where it came from") from error
    except OSError as error:
        raise LaffError(f"{path}: cannot be read: {error.strerror or error}") from error


def line_blocks(path: Path, what: str) -> Iterator[tuple[int, list[str]]]:
    """(number of the first line, lines) of a text file, a few megabytes at a time.

    UTF-8, or UTF-16 where a byte order mark says so. Raises LaffError as `reading` does and for other encodings.
    """
    with reading(path, what) as file:
        buffered = io.BufferedReader(file)  # type: ignore[type-var]  # a GzipFile is a raw stream in all but its type
        encoding = WIDE.get(buffered.peek(2)[:2], "utf-8-sig")
        text = io.TextIOWrapper(buffered, encoding="utf-16" if encoding in WIDE.values() else encoding)
        number = 1
        try:
            while lines := text.readlines(BLOCK):
                yield number, lines
                number += len(lines)
        except UnicodeDecodeError as error:
            raise LaffError(
                f"{path}:{_undecoded(path, what, encoding)}: is not {error.encoding.upper()} text: {error.reason}; "
                "save it as UTF-8"
            ) from error


def _undecoded(path: Path, what: str, encoding: str) -> int:
    """The number of the first line that is not text of this encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    with reading(path, what) as file:
        try:
            while piece := file.read(BLOCK):
                line += decoder.decode(piece).count("\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            # utf-8-sig and its like fail with what they were given, of which the part before is whole.
            line += error.object[: error.start].decode(encoding).count("\n")
    return line


def check_not_read(written: Iterable[Path | None], read: Iterable[Path | None]) -> None:
    """Raise LaffError where a file to be written is one that is read, by whatever name, or two of them are one file."""
    inputs = {file.resolve() for file in read if file}
    outputs = set[Path]()
    for file in filter(None, written):
        place = file.resolve()
        if place in inputs or any(_same(place, other) for other in inputs):
            raise LaffError(f"{file}: is read here and would be replaced by what is written; give another name")
        if place in outputs:
            raise LaffError(f"{file}: two things would be written to it; give each a file of its own")
        outputs.add(place)


def _same(path: Path, other: Path) -> bool:
    """Whether two paths are one file, as hard links or on a disk that does not tell A from a."""
    try:
        return path.samefile(other)
    except OSError:  # one is not there
        return False


@contextmanager
def writing(path: Path) -> Iterator[Bytes]:
    """A file to be written, whole or not at all, gzipped where its name ends in .gz; equal bytes give equal files."""
    with whole(path) as temporary, temporary.open("wb") as raw, ExitStack() as stack:
        if path.suffix.lower() == ".gz":
            # Neither a name nor a time in the header: they would make equal runs differ.
            yield stack.enter_context(gzip.GzipFile("", mode="wb", fileobj=raw, compresslevel=LEVEL, mtime=0))
        else:
            yield raw
