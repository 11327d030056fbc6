"""Runs as CSV."""

import gzip
from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.runfiles.run_csv import read, write_run

ROWS = [("a, b", [('v"2', 0.75), ("v 1", 0.5)]), ("c", [("v 1", -1e-7)])]


def test_there_and_back(tmp_path: Path) -> None:
    write_run(tmp_path / "run.csv", ROWS)
    write_run(tmp_path / "run.csv.gz", iter(ROWS))
    text = (tmp_path / "run.csv").read_text()
    assert text == 'query,rank,item,score\n"a, b",1,"v""2",0.75\n"a, b",2,v 1,0.5\nc,1,v 1,-1e-07\n'
    assert gzip.decompress((tmp_path / "run.csv.gz").read_bytes()).decode() == text
    for name in ("run.csv", "run.csv.gz"):
        assert list(read(tmp_path / name).answers()) == ROWS


def test_what_search_prints(tmp_path: Path) -> None:
    """With its further columns, and in any order of lines."""
    (tmp_path / "s.csv").write_text("query,rank,video,path,start,end,score\nq,2,b,b.mp4,,,0.1\nq,1,a,a.mp4,0,2,0.5\n")
    assert list(read(tmp_path / "s.csv").answers()) == [("q", [("a", 0.5), ("b", 0.1)])]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("topic,item,scores\nq,a,1\n", "s.csv:1: the first line has no column 'score'; did you mean 'scores'?"),
        ("query,item,score\nq,a\n", "s.csv:2: has 2 cells, fewer than the first line names"),
        ("query,item,score\nq,a,x\nq,b,inf\n", "s.csv:2: score 'x' is no finite number(.|\n)*s.csv:3: score 'inf'"),
        ("query,item,score\nq,a,1\nq,a,2\n", "topic 'q' has 'a' twice"),
        ('query,item,score\nq,"a,1\n', "is not valid CSV"),
    ],
)
def test_mistakes(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "s.csv").write_text(text)
    with pytest.raises(LaffError, match=said):
        read(tmp_path / "s.csv")
