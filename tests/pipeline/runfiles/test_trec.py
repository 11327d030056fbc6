"""TREC run files."""

import gzip
import stat
import time
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.runfiles import opened
from pipeline.runfiles.trec import read, read_run, write_run

ROWS = [("cap#0", [("v2", 0.75), ("v1", 0.5)]), ("cap#1", [("v1", -1e-7)]), ("cap#2", [])]


def test_lines(tmp_path: Path) -> None:
    """The six fields of a run, ranks from 1, readable by zcat."""
    write_run(tmp_path / "new" / "t2v.trec.gz", ROWS, "laff")
    text = gzip.decompress((tmp_path / "new" / "t2v.trec.gz").read_bytes()).decode()
    assert text == "cap#0 Q0 v2 1 0.75 laff\ncap#0 Q0 v1 2 0.5 laff\ncap#1 Q0 v1 1 -1e-07 laff\n"
    write_run(tmp_path / "t2v.txt", ROWS, "laff")  # as its name says
    assert (tmp_path / "t2v.txt").read_text() == text


def test_round_trip_of_float32(tmp_path: Path) -> None:
    """Every float32 comes back as the same float32."""
    scores = np.sort(np.random.default_rng(0).normal(size=500).astype(np.float32))[::-1]
    write_run(tmp_path / "run.gz", [("q", [(f"v{i}", float(s)) for i, s in enumerate(scores)])], "x")
    [(query, found)] = read_run(tmp_path / "run.gz")
    assert query == "q"
    assert [item for item, _ in found] == [f"v{i}" for i in range(500)]
    np.testing.assert_array_equal(np.array([score for _, score in found], np.float32), scores)


def test_same_rows_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the time nor the name of the file is in it; anyone may read it."""
    write_run(tmp_path / "one.gz", ROWS, "laff")
    monkeypatch.setattr(time, "time", lambda: 4e8)
    write_run(tmp_path / "two.gz", iter(ROWS), "laff")
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()
    assert stat.S_IMODE((tmp_path / "one.gz").stat().st_mode) == 0o644


def test_interrupted_write_leaves_the_old_run(tmp_path: Path) -> None:
    """Rows that break off: the old file stands, and nothing else is left beside it."""
    write_run(tmp_path / "run.gz", ROWS, "laff")
    before = (tmp_path / "run.gz").read_bytes()

    def broken():  # type: ignore[no-untyped-def]
        yield ROWS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_run(tmp_path / "run.gz", broken(), "laff")
    assert (tmp_path / "run.gz").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["run.gz"]


@pytest.mark.parametrize(
    ("rows", "tag", "message"),
    [
        ([("", [])], "x", "the query '' is no name"),
        ([("q", [("", 1.0)])], "x", "the item '' is no name"),
        ([("q", [])], "my run", "tag 'my run'"),
        ([("q", []), ("q", [])], "x", "query 'q' comes twice"),
        ([("q", [("a", 0.1), ("b", 0.2)])], "x", "score 0.2 follows 0.1; items go best first"),
        ([("q", [("a", float("nan"))])], "x", "score nan follows inf"),
    ],
)
def test_rows_that_cannot_be_a_run(tmp_path: Path, rows: list, tag: str, message: str) -> None:
    with pytest.raises(LaffError, match=message):
        write_run(tmp_path / "run.gz", rows, tag)
    assert not list(tmp_path.iterdir())


def test_reading_plain_text_and_damage(tmp_path: Path) -> None:
    """Runs of other tools may be plain; cut files, odd lines and missing files are told apart."""
    (tmp_path / "plain").write_text("q1 Q0 a 1 2.0 t\nq1\tQ0\tb\t2\t1e0\tt\nq2 Q0 a 1 0 t\n")
    assert list(read_run(tmp_path / "plain")) == [("q1", [("a", 2.0), ("b", 1.0)]), ("q2", [("a", 0.0)])]
    (tmp_path / "odd").write_text("q1 Q0 a 1 2.0 t\nq1 a 2\n")
    with pytest.raises(LaffError, match=r"odd:2: 'q1 a 2' is not `query Q0 item rank score tag`"):
        list(read_run(tmp_path / "odd"))
    write_run(tmp_path / "cut.gz", [(f"q{i}", [("a", i / 7)]) for i in range(500)], "x")
    (tmp_path / "cut.gz").write_bytes((tmp_path / "cut.gz").read_bytes()[:-50])
    with pytest.raises(LaffError, match="damaged run file"):
        list(read_run(tmp_path / "cut.gz"))
    with pytest.raises(LaffError, match="no such run file"):
        list(read_run(tmp_path / "nowhere"))


def test_ids_of_windows(tmp_path: Path) -> None:
    """They hold @ and -, and the spaces of their video's id percent-encoded."""
    write_run(tmp_path / "run.gz", [("1", [("été 1@0-10", 0.5), ("b@2.5-5", 0.25)])], "x")
    text = gzip.decompress((tmp_path / "run.gz").read_bytes()).decode()
    assert text.splitlines()[0] == "1 Q0 été%201@0-10 1 0.5 x"
    assert dict(read_run(tmp_path / "run.gz")) == {"1": [("été 1@0-10", 0.5), ("b@2.5-5", 0.25)]}


def test_columns_of_a_run(tmp_path: Path) -> None:
    """Lines of a query may stand apart; a byte order mark, blank lines and ranks do not matter."""
    text = "\ufeffq1 Q0 a 9 2.0 mine\n\nq2 Q0 b%20c 1 0.5 mine\r\nq1 Q0 b%20c 1 -1e3 mine\n"
    (tmp_path / "run").write_text(text, encoding="utf-8")
    run = read(tmp_path / "run")
    assert (run.tag, run.topics, run.ids.names) == ("mine", ["q1", "q2"], ["a", "b c"])
    assert (run.starts.tolist(), run.items.tolist(), run.scores.tolist()) == ([0, 2, 3], [0, 1, 1], [2.0, -1000.0, 0.5])


def test_many_lines_in_blocks_are_read_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(f"q{q}", [(f"v{(q * 7 + i) % 50}", 1.0 - i / 40) for i in range(40)]) for q in range(60)]
    write_run(tmp_path / "run.gz", rows, "x")
    whole = list(read_run(tmp_path / "run.gz"))
    assert [query for query, _ in whole] == [query for query, _ in rows]
    assert [[item for item, _ in hits] for _, hits in whole] == [[item for item, _ in hits] for _, hits in rows]
    monkeypatch.setattr(opened, "BLOCK", 100)
    assert list(read_run(tmp_path / "run.gz")) == whole


def test_every_mistake_is_told_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = "q1 Q0 a 1 2.0 t\n"
    (tmp_path / "run").write_text(
        f"{good}q1 0 b 1\nq1 Q0 b 2 high t\nq1 Q0 c 2 nan t\nq1 Q0 a 3 1.0 t\nq2 Q0 %0A 1 1 t\n"
    )
    with pytest.raises(LaffError) as raised:
        read(tmp_path / "run")
    assert [problem.removeprefix(f"{tmp_path}/") for problem in raised.value.problems] == [
        "run:2: 'q1 0 b 1' is not `query Q0 item rank score tag`; this looks like judgements: give them to --qrels",
        "run:3: score 'high' is no finite number; each item needs one",
        "run:4: score 'nan' is no finite number; each item needs one",
        "run: an empty id",
        "run:5: topic 'q1' has 'a' twice, first in line 1; keep one of them",
    ]
    (tmp_path / "many").write_text("x\n" * 1000)
    with pytest.raises(LaffError, match="and 980 more of these"):
        read(tmp_path / "many")
    monkeypatch.setattr(opened, "BLOCK", 20_000)
    (tmp_path / "many").write_text("x y\n" * 100_000)
    with pytest.raises(LaffError, match="and 4,981 more of these"):  # a block of 5,001 lines was enough
        read(tmp_path / "many")
    (tmp_path / "empty").write_text("\n")
    assert list(read_run(tmp_path / "empty")) == []


def test_numbers_that_only_python_reads(tmp_path: Path) -> None:
    """Other programs read 1_0 as 1, and know no digits but ours."""
    for number in ("1_0", "٣", "0x1", "9" * 5000, "inf"):
        (tmp_path / "run").write_text(f"q1 Q0 a 1 2.0 t\nq1 Q0 b 2 {number} t\n")
        with pytest.raises(LaffError, match=f"run:2: score '{number[:20]}' is no finite number"):
            read(tmp_path / "run")
