"""Files of queries in three forms, and every mistake told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.search.queries import read

WANTED = {"701": "a red circle", "t-2": "moves, up"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("q.txt", "\ufeff701 a red  circle\n\nt-2\tmoves, up\n"),
        ("q.csv", 'query,text\n701,a red circle\nt-2,"moves, up"\n'),
        ("q.jsonl", '{"query": "701", "text": "a red circle"}\n{"query": "t-2", "text": "moves, up"}\n'),
    ],
)
def test_the_ending_says_the_form(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert read(tmp_path / name) == WANTED
    assert list(read(tmp_path / name)) == ["701", "t-2"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "q.txt",
            "701 a\n702\n703  \n",
            ["line 2: the query '702' has no text", "line 3: the query '703' has no text"],
        ),
        ("q.txt", "1 a\n2 b\n1 c\n", ["line 3: the id '1' stands again; first in line 1"]),
        ("q.txt", "\n\n", ["holds no query; it should have lines `ID text`"]),
        ("q.csv", "id,text\n", ["line 1: should be query,text, not 'id,text'"]),
        ("q.csv", "query,text\n1,a,b\n,c\n", ["line 2: has 3 columns instead of 2", "line 3: has no id"]),
        ("q.jsonl", '{"query": 1, "text": "a"}\n[]\n', ['line 1: should be {"query"', 'line 2: should be {"query"']),
        ("q.jsonl", '{"query": "a b", "text": "c"}\n', ["line 1: the id 'a b' holds white space"]),
    ],
)
def test_mistakes_are_told_with_their_lines(tmp_path: Path, name: str, text: str, said: list[str]) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(LaffError) as told:
        read(tmp_path / name)
    assert str(told.value).startswith(str(tmp_path / name))
    for one in said:
        assert one in str(told.value)


def test_what_is_no_text_or_not_there_is_told(tmp_path: Path) -> None:
    (tmp_path / "q.txt").write_bytes(b"1 \xff\xff")
    with pytest.raises(LaffError, match="is not UTF-8 text"):
        read(tmp_path / "q.txt")
    with pytest.raises(LaffError, match="cannot be read: No such file"):
        read(tmp_path / "none.txt")
