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
    with pytest.raises(LaffError, match=r"latin: is not UTF-8 text behind line 0: .*; save it as UTF-8"):
        lines(tmp_path / "latin")
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
