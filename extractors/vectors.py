"""Reads word vectors: word2vec's text and binary files, GloVe's text, and the BigFile folders of the LAFF authors."""

import gzip
import zlib
from collections import Counter
from itertools import chain, islice
from pathlib import Path
from typing import IO

import numpy as np

MARK = b"\xef\xbb\xbf"  # the byte order mark with which Windows begins text
LOOKED_AT = 1000  # lines of a file without a header that the width is taken from
WIDEST = 1_000_000  # numbers of a vector
DIGITS = 18  # of a number of rows or a width
LONGEST = 1 << 20  # bytes of a line of text; a binary file has no lines
MISSING = "{}: no such file of word vectors; `vectors` should name a word2vec file or a BigFile folder"


def open_vectors(path: Path) -> tuple[dict[str, int], np.ndarray]:
    """The row of each word, and the table [N, D] float32; a word that is listed twice has its first row.

    path: a BigFile folder (memory-mapped, so that only the rows that are used are read), or a file in word2vec's text
    or binary format or GloVe's text, gzipped or not (kept in memory: for millions of words, prefer a BigFile). A word
    in a text file may have spaces: the last D fields of a line are its vector.
    Nothing is unpickled. Raises ValueError where the path is missing or none of these.
    """
    if path.is_dir():
        ids, table = open_bigfile(path)
        return {word: row for row, word in reversed(list(enumerate(ids)))}, table
    if not path.is_file():
        raise ValueError(MISSING.format(path))
    try:
        binary, header, dim = _kind(path)
        return _read_binary(path) if binary else _read_text(path, header, dim)
    except (ValueError, EOFError, OSError, IndexError, zlib.error) as error:
        raise ValueError(f"{path}: not readable as word2vec text or binary, or GloVe text: {error}") from error


def width(path: Path) -> int:
    """D of the vectors that `open_vectors` would give, from the beginning of the file alone.

    Raises ValueError where the path is missing or has no word vectors.
    """
    if path.is_dir():
        return int(open_bigfile(path)[1].shape[1])
    if not path.is_file():
        raise ValueError(MISSING.format(path))
    try:
        return _kind(path)[2]
    except (ValueError, EOFError, OSError, zlib.error) as error:
        raise ValueError(f"{path}: not readable as word2vec text or binary, or GloVe text: {error}") from error


class NotBigFile(ValueError):
    """A folder that lacks files of a BigFile."""


def open_bigfile(folder: Path) -> tuple[list[str], np.ndarray]:
    """Ids and rows [N, D] float32 (memory-mapped, read-only) of a BigFile: feature.bin, id.txt, shape.txt.

    Raises NotBigFile if a file is missing, and ValueError if the three don't agree on N and D.
    """
    missing = [name for name in ("feature.bin", "id.txt", "shape.txt") if not (folder / name).is_file()]
    if missing:
        raise NotBigFile(f"{folder}: not a BigFile, it has no {', '.join(missing)}")
    shape = (folder / "shape.txt").read_text(encoding="utf-8-sig", errors="replace").split()
    if len(shape) != 2 or not all(word.isdecimal() and word.isascii() and len(word) <= DIGITS for word in shape):
        raise ValueError(f"{folder / 'shape.txt'}: should hold the rows and the width, not {' '.join(shape)[:80]!r}")
    count, dim = int(shape[0]), int(shape[1])
    # Split as bytes: some letters hold a byte that text in another encoding would take for a space.
    ids = [
        word.decode("utf-8", errors="replace") for word in (folder / "id.txt").read_bytes().removeprefix(MARK).split()
    ]
    if len(ids) != count:
        raise ValueError(f"{folder}: id.txt holds {len(ids)} ids, shape.txt says {count} rows")
    size = (folder / "feature.bin").stat().st_size
    if size != count * dim * 4:
        raise ValueError(f"{folder}: feature.bin has {size} bytes; {count} rows of {dim} float32 are {count * dim * 4}")
    if size == 0:
        return ids, np.zeros((count, dim), dtype=np.float32)
    return ids, np.memmap(folder / "feature.bin", dtype="<f4", mode="r", shape=(count, dim))


def _kind(path: Path) -> tuple[bool, bool, int]:
    """Whether a file of vectors is binary, whether it begins with a line "rows width", and the width D.

    Raises ValueError for a file that is neither.
    """
    with _reader(path) as file:
        first = file.readline(LONGEST).removeprefix(MARK)
        fields = first.split()
        if len(fields) == 2 and all(field.isdigit() and len(field) <= DIGITS for field in fields):
            count, dim = map(int, fields)
            if not 0 < dim <= WIDEST:
                raise ValueError(f"its first line says vectors of {dim} numbers")
            binary = _row(file.readline(LONGEST), dim) is None
            if binary and path.suffix != ".gz" and path.stat().st_size < count * 4 * dim:
                raise ValueError(f"its first line says {count} vectors of {dim} numbers, for which it is too short")
            return binary, True, dim
        looked_at = enumerate((first, *islice(iter(lambda: file.readline(LONGEST), b""), LOOKED_AT)), 1)
        lines = [(number, line) for number, line in looked_at if line.strip()]
    # Words may have spaces, and one may be missing, so most lines decide. One number a word would be a list of counts.
    counts = Counter(len(line.split()) for _, line in lines)
    dim = max(counts, key=lambda width: (counts[width], -width), default=0) - 1
    misfits = [(number, line) for number, line in lines if not _row(line, dim)] if dim >= 2 else lines
    if 2 * len(misfits) >= len(lines):
        raise ValueError(f"it opens with {b' '.join(fields)[:40]!r}")
    if misfits:
        raise ValueError(_not_a_row(*misfits[0], dim))
    return False, False, dim


def _row(line: bytes, dim: int) -> tuple[bytes, np.ndarray] | None:
    """A line of text as a word and its vector [dim], the last fields; None where it is not such a line."""
    word, *numbers = line.rsplit(None, dim)
    if len(numbers) != dim or not word.strip():
        return None
    try:
        vector = np.array(numbers, dtype=np.float32)
    except ValueError:
        return None
    return (word.strip(), vector) if np.isfinite(vector).all() else None


def _not_a_row(number: int, line: bytes, dim: int) -> str:
    """What is wrong with a line of text."""
    return f"line {number} is not a word and {dim} numbers: {line[:60]!r}"


def _read_text(path: Path, header: bool, dim: int) -> tuple[dict[str, int], np.ndarray]:
    """Words and vectors of word2vec's or GloVe's text. ValueError names the line that is wrong."""
    row_of: dict[str, int] = {}
    with _reader(path) as file:  # counted first, since a table that grows would need twice the memory
        count = sum(1 for line in file if line.strip()) - header
    table = np.empty((count, dim), dtype=np.float32)
    count_read = 0
    with _reader(path) as file:
        first = file.readline().removeprefix(MARK)
        if header and count != int(first.split()[0]):
            raise ValueError(f"its first line says {int(first.split()[0])} rows, but {count} follow; was it cut off?")
        for number, line in enumerate(file if header else chain([first], file), 2 if header else 1):
            if not line.strip():
                continue
            row = _row(line, dim)
            if row is None:
                raise ValueError(_not_a_row(number, line, dim))
            row_of.setdefault(row[0].decode("utf-8", errors="replace"), count_read)
            table[count_read] = row[1]
            count_read += 1
    return row_of, table


def _read_binary(path: Path) -> tuple[dict[str, int], np.ndarray]:
    """Words and vectors of word2vec's binary format."""
    from gensim.models import KeyedVectors

    loaded = KeyedVectors.load_word2vec_format(str(path), binary=True, unicode_errors="replace")
    return loaded.key_to_index, loaded.vectors


def _reader(path: Path) -> IO[bytes]:
    """The file, unpacked where it is gzipped."""
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]
