"""Files of word vectors: word2vec text and binary, GloVe text, and the BigFile folders of the LAFF authors."""

import gzip
import math
from pathlib import Path
from typing import IO

import numpy as np


def open_vectors(path: Path) -> tuple[dict[str, int], np.ndarray]:
    """Rows by word, and the table [N, D] float32; of a word that occurs twice the first row.

    path: a BigFile folder (memory-mapped: only the rows that are used are read), or a file in word2vec's text or
    binary format or GloVe's text, gzipped or not (held in memory: for millions of words, prefer a BigFile).
    Never unpickles anything. Raises ValueError if the path is missing or is none of these.
    """
    if path.is_dir():
        ids, table = open_bigfile(path)
        return {word: row for row, word in reversed(list(enumerate(ids)))}, table
    if not path.is_file():
        raise ValueError(
            f"{path}: no such file of word vectors; `vectors` should name a word2vec file or a BigFile folder"
        )
    from gensim.models import KeyedVectors

    try:
        binary, header = _kind(path)
        loaded = KeyedVectors.load_word2vec_format(
            str(path), binary=binary, no_header=not header, unicode_errors="replace"
        )
    except (ValueError, EOFError, OSError, IndexError) as error:
        raise ValueError(f"{path}: not readable as word2vec text or binary, or GloVe text: {error}") from error
    return loaded.key_to_index, loaded.vectors


def open_bigfile(folder: Path) -> tuple[list[str], np.ndarray]:
    """Ids and rows [N, D] float32 (memory-mapped, read-only) of a BigFile: feature.bin, id.txt, shape.txt.

    Raises ValueError if a file is missing, or if the three don't agree on N and D.
    """
    missing = [name for name in ("feature.bin", "id.txt", "shape.txt") if not (folder / name).is_file()]
    if missing:
        raise ValueError(f"{folder}: not a BigFile, it has no {', '.join(missing)}")
    shape = (folder / "shape.txt").read_text(encoding="utf-8", errors="replace").split()
    if len(shape) != 2 or not all(word.isdecimal() for word in shape):
        raise ValueError(f"{folder / 'shape.txt'}: should hold the rows and the width, not {' '.join(shape)[:80]!r}")
    count, dim = int(shape[0]), int(shape[1])
    # Split as bytes: some letters hold a byte that text in another encoding would take for a space.
    ids = [word.decode("utf-8", errors="replace") for word in (folder / "id.txt").read_bytes().split()]
    if len(ids) != count:
        raise ValueError(f"{folder}: id.txt holds {len(ids)} ids, shape.txt says {count} rows")
    found = (folder / "feature.bin").stat().st_size
    if found != count * dim * 4:
        raise ValueError(
            f"{folder}: feature.bin has {found} bytes; {count} rows of {dim} float32 are {count * dim * 4}"
        )
    if found == 0:
        return ids, np.zeros((count, dim), dtype=np.float32)
    return ids, np.memmap(folder / "feature.bin", dtype="<f4", mode="r", shape=(count, dim))


def _kind(path: Path) -> tuple[bool, bool]:
    """Whether a file of vectors is binary, and whether it opens with a line "rows width".

    Raises ValueError for a file that is neither.
    """
    with _reader(path) as file:
        first = file.readline(1 << 16).split()
        second = file.readline(1 << 16).split()
    if len(first) > 2 and _numbers(first[1:]):
        return False, False
    if len(first) != 2 or not (first[0].isdigit() and first[1].isdigit()):
        raise ValueError(f"it opens with {b' '.join(first)[:40]!r}")
    return not (len(second) == int(first[1]) + 1 and _numbers(second[1:])), True


def _numbers(words: list[bytes]) -> bool:
    try:
        return all(math.isfinite(float(word)) for word in words)
    except ValueError:
        return False


def _reader(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")  # type: ignore[return-value]
