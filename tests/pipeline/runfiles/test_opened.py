"""Files opened: gzipped or not, in several encodings, and damaged."""

import gzip
from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.runfiles import opened


def lines(path: Path) -> list[tuple[int, str]]:
    return [(first + n, line) for first, block in opened.line_blocks(path, "run file") for n, line in enumerate(block)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_and_line_ends(tmp_path: Path, encoding: str, end: str) -> None:
    content = f"é 1{end}{end}b 2".encode(encoding)
    (tmp_path / "plain").write_bytes(content)
    (tmp_path / "packed").write_bytes(gzip.compress(content))  # whatever its name
    for name in ("plain", "packed"):
        assert lines(tmp_path / name) == [(1, "é 1\n"), (2, "\n"), (3, "b 2")]


def test_blocks_count_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened, "BLOCK", 10)
    (tmp_path / "a").write_text("".join(f"{n}\n" for n in range(100)))
    assert [number for number, _ in lines(tmp_path / "a")] == list(range(1, 101))


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes("é\n".encode("latin-1"))
    with pytest.raises(LaffError, match=r"latin:1: is not UTF-8 text: .*; save it as UTF-8"):
        lines(tmp_path / "latin")
    for encoding, content, line in (
        ("UTF-8", "é\n".encode() * 9000 + b"\n\xff\n", 9002),
        ("UTF-8", b"\xef\xbb\xbfa\nb\xff", 2),
        ("UTF-8", b"a\nb\xc3", 2),
        ("UTF-16", b"\xff\xfe" + "Ċ\n".encode("utf-16-le") * 9000 + b"\0\xdc", 9001),
        ("UTF-16", b"\xfe\xff" + "Ċ\na".encode("utf-16-be") + b"\0", 2),
    ):
        for name, written in (("plain", content), ("packed.gz", gzip.compress(content))):
            (tmp_path / name).write_bytes(written)
            with pytest.raises(LaffError, match=rf"{name}:{line}: is not {encoding}\S* text: "):
                lines(tmp_path / name)
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"a b c\n" * 1000)[:-20])
    with pytest.raises(LaffError, match="damaged run file"):
        lines(tmp_path / "cut.gz")
    with pytest.raises(LaffError, match="no such run file"):
        lines(tmp_path / "nowhere")
    with pytest.raises(LaffError, match="is a folder, not a run file"):
        lines(tmp_path)


def test_the_ending_of_a_name() -> None:
    names = {"a.TREC.gz": ".trec", "a.xml": ".xml", "a.b.csv.gz": ".csv", "a.gz": "", "a": "", "qrels.tv20": ".tv20"}
    assert {name: opened.suffix(Path(name)) for name in names} == names


def test_files_that_are_read_are_not_written(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "hard").hardlink_to(tmp_path / "a")
    (tmp_path / "within").mkdir()
    new = tmp_path / "new"
    opened.check_not_read([new, None], [tmp_path / "a", None, tmp_path / "gone"])
    for name in ("a", "link", "hard", "within/../a"):
        with pytest.raises(LaffError, match=f"{name}: is read here and would be replaced by what is written"):
            opened.check_not_read([None, tmp_path / name], [tmp_path / "a"])
    with pytest.raises(LaffError, match=r"new: two things would be written to it"):
        opened.check_not_read([new, tmp_path / "within" / ".." / "new"], [])
