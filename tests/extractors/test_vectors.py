"""Files of word vectors in every format that people have."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from extractors.vectors import open_bigfile, open_vectors, width

WORDS = {"cat": [1.0, -2.5, 0.125], "dog": [0.5, 0.25, 3.0]}


def text(header: bool) -> bytes:
    lines = [f"{len(WORDS)} 3"] if header else []
    return "\n".join([*lines, *(f"{word} {' '.join(map(str, row))}" for word, row in WORDS.items()), ""]).encode()


def binary() -> bytes:
    return b"2 3\n" + b"".join(word.encode() + b" " + struct.pack("<3f", *row) + b"\n" for word, row in WORDS.items())


def bigfile(folder: Path, ids: bytes = b"cat dog", shape: str = "2 3", rows: int = 2) -> Path:
    folder.mkdir()
    (folder / "id.txt").write_bytes(ids)
    (folder / "shape.txt").write_text(shape)
    (folder / "feature.bin").write_bytes(np.array([*WORDS.values()] * 2, "<f4")[:rows].tobytes())
    return folder


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("word2vec.txt", text(header=True)),
        ("marked.txt", b"\xef\xbb\xbf" + text(header=True)),
        ("marked glove.txt", b"\xef\xbb\xbf" + text(header=False)),
        ("glove.txt", text(header=False)),
        ("word2vec.bin", binary()),
        ("binary.under.another.name", binary()),
        ("word2vec.txt.gz", gzip.compress(text(header=True), mtime=0)),
        ("word2vec.bin.gz", gzip.compress(binary(), mtime=0)),
    ],
)
def test_files(tmp_path: Path, name: str, content: bytes) -> None:
    """The format is told by the content, not by the name."""
    (tmp_path / name).write_bytes(content)
    rows, table = open_vectors(tmp_path / name)
    assert {word: table[row].tolist() for word, row in rows.items()} == WORDS
    assert table.dtype == np.float32


@pytest.mark.parametrize("header", [False, True])
@pytest.mark.parametrize("packed", [False, True])
def test_words_with_spaces(tmp_path: Path, header: bool, packed: bool) -> None:
    """GloVe's file of 840 billion tokens has lines such as `. . . 0.1 0.2`: the last D fields are the vector."""
    words = ["at name@example.com", ". . .", "3 1/2", "plain", "2", "l\u00a0a", "plain"]
    values = np.arange(len(words) * 4, dtype=np.float32).reshape(-1, 4) / 8 - 1
    lines = [f"{word} {' '.join(map(str, row.tolist()))}\n" for word, row in zip(words, values, strict=True)]
    content = ((f"{len(words)} 4\n" if header else "") + "".join(lines)).encode()
    path = tmp_path / ("vectors.txt" + ".gz" * packed)
    path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
    rows, table = open_vectors(path)
    assert rows == {word: row for row, word in enumerate(words[:-1])}
    np.testing.assert_array_equal(table, values)
    assert width(path) == 4


def test_a_line_that_is_wrong_is_told(tmp_path: Path) -> None:
    """A broken line has its number; a file that was cut off says so."""
    path = tmp_path / "glove.txt"
    lines = [f"w{number} 1 2 3\n" for number in range(1500)]
    path.write_text("".join([*lines, "broken 1 x 3\n"]))
    with pytest.raises(ValueError, match=r"line 1501 is not a word and 3 numbers: b'broken 1 x 3"):
        open_vectors(path)
    path.write_text("".join(["1501 3\n", *lines]))
    with pytest.raises(ValueError, match="its first line says 1501 rows, but 1500 follow"):
        open_vectors(path)
    path.write_text("9000000 300\nthe \0\0")
    with pytest.raises(ValueError, match="9000000 vectors of 300 numbers, for which it is too short"):
        open_vectors(path)


@pytest.mark.parametrize("header", ["", "4 3\n"])
@pytest.mark.parametrize("line", [" 1 2 3", "c 1 2", "1 2 3"])
def test_a_line_without_a_word_or_a_number_makes_no_vector_shorter(tmp_path: Path, header: str, line: str) -> None:
    path = tmp_path / "glove.txt"
    path.write_text(f"{header}a 1 2 3\n{line}\nnew york 4 5 6\nb 7 8 9\n")
    number = 3 if header else 2
    with pytest.raises(ValueError, match=f"line {number} is not a word and 3 numbers: b'{line}"):
        open_vectors(path)
    if not header:
        with pytest.raises(ValueError, match="line 2 is not"):
            width(path)


def test_the_width_before_the_rest(tmp_path: Path) -> None:
    (tmp_path / "b.bin").write_bytes(binary())
    assert (width(tmp_path / "b.bin"), width(bigfile(tmp_path / "w2v"))) == (3, 3)
    with pytest.raises(ValueError, match="no such file of word vectors"):
        width(tmp_path / "none")
    (tmp_path / "words").write_text("no vectors here\n")
    with pytest.raises(ValueError, match="not readable as word2vec"):
        width(tmp_path / "words")


def test_bigfile_is_mapped(tmp_path: Path) -> None:
    """Rows stay on disk until used; of a word that comes twice the first row counts."""
    rows, table = open_vectors(bigfile(tmp_path / "w2v", b"cat\ndog cat\n", "3 3", 3))
    assert isinstance(table, np.memmap)
    assert rows == {"cat": 0, "dog": 1}
    assert table[rows["dog"]].tolist() == WORDS["dog"]


def test_bigfile_with_byte_order_marks(tmp_path: Path) -> None:
    """As Windows writes text."""
    folder = bigfile(tmp_path / "w2v", b"\xef\xbb\xbfcat dog")
    (folder / "shape.txt").write_bytes(b"\xef\xbb\xbf2 3")
    assert open_bigfile(folder)[0] == ["cat", "dog"]


def test_ids_are_split_at_ascii_spaces_only(tmp_path: Path) -> None:
    """The last byte of UTF-8 "à" is a no-break space in Latin-1, which must not cut the word in two."""
    assert open_bigfile(bigfile(tmp_path / "w2v", "voilà dog".encode()))[0] == ["voilà", "dog"]


@pytest.mark.parametrize(
    ("ids", "shape", "rows", "message"),
    [
        (b"cat", "2 3", 2, "id.txt holds 1 ids, shape.txt says 2 rows"),
        (b"cat dog", "2 3", 1, "feature.bin has 12 bytes; 2 rows of 3 float32 are 24"),
        (b"cat dog", "2", 2, "should hold the rows and the width, not '2'"),
        (b"cat dog", "-2 3", 2, "should hold the rows and the width"),
        (b"cat dog", "2 " + 5000 * "3", 2, r"shape.txt: should hold the rows and the width, not '2 333"),
        (b"cat dog", "٢ 3", 2, r"shape.txt: should hold the rows and the width, not '٢ 3'"),
    ],
)
def test_bigfile_that_does_not_agree(tmp_path: Path, ids: bytes, shape: str, rows: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_bigfile(bigfile(tmp_path / "w2v", ids, shape, rows))


def test_missing(tmp_path: Path) -> None:
    """A missing file, and a folder that is no BigFile, say so."""
    with pytest.raises(ValueError, match=r"nowhere.bin: no such file of word vectors"):
        open_vectors(tmp_path / "nowhere.bin")
    with pytest.raises(ValueError, match=r"not a BigFile, it has no feature.bin, id.txt, shape.txt"):
        open_vectors(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"just some\nwords here\n", binary()[:-9], text(header=True)[:-20], b"\x80\x04K\x01."]
)
def test_unreadable(tmp_path: Path, content: bytes) -> None:
    """Other files, cut files and pickles are refused with the path."""
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(ValueError, match="not readable as word2vec text or binary, or GloVe text"):
        open_vectors(tmp_path / "file")
