"""Parquet files: a column of lists, or a column for each dimension. Skipped where pyarrow is not installed."""

import sys
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LaffError, Missing
from pipeline.rows import pieces
from pipeline.rows.items import Layout
from pipeline.rows.reading import ids_of, read_frames, read_rows, width
from pipeline.rows.sources import source

VALUES = np.arange(12, dtype=np.float32).reshape(4, 3) / 8
NAMES = ["v3", "a b", "v0", "sub/v2"]


def test_without_pyarrow_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f.parquet"
    path.write_bytes(b"PAR1")
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(Missing, match=r"reading .*f\.parquet needs the package pyarrow, .*pip install pyarrow"):
        read_rows(path, ["v0"])


@pytest.mark.parametrize("kind", ["list", "fixed", "large", "half", "columns"])
def test_each_way_to_write_rows(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In row groups of three, read two rows at a time."""
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(pieces, "AT_ONCE", 48)
    columns = {f"d{number}": VALUES[:, number] for number in range(3)}
    if kind != "columns":
        of = {"list": pa.list_(pa.float32()), "fixed": pa.list_(pa.float64(), 3), "large": pa.large_list(pa.float32())}
        columns = {"values": pa.array(VALUES.tolist(), of.get(kind, pa.list_(pa.float16())))}
    pq.write_table(pa.table({"ids": NAMES} | columns), tmp_path / "f.parquet", row_group_size=3)
    taken = read_rows(tmp_path / "f.parquet", ["sub/v2", "gone", "v0", "v3", "v0"])
    np.testing.assert_array_equal(taken.values, [VALUES[3], [0, 0, 0], VALUES[2], VALUES[0], VALUES[2]])
    assert taken.sound.tolist() == [True, False, True, True, True]
    assert (ids_of(tmp_path / "f.parquet"), width(tmp_path / "f.parquet")) == (NAMES, 3)
    assert source(tmp_path / "f.parquet", Layout()).parts().tables == {"" if kind == "columns" else "values": 3}


def test_columns_that_pandas_and_frames_add_are_no_dimensions(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    columns = {"ids": NAMES, "frame": [0] * 4, "d0": VALUES[:, 0], "d1": VALUES[:, 1], "__index_level_0__": range(4)}
    pq.write_table(pa.table(columns), tmp_path / "f.parquet")
    np.testing.assert_array_equal(read_rows(tmp_path / "f.parquet", NAMES).values, VALUES[:, :2])


def test_frames_follow_each_other(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"video": ["v", "v", "w", "x"], "values": VALUES.tolist()}), tmp_path / "f.parquet")
    taken = read_frames(tmp_path / "f.parquet", ["w", "v"], 5, id_array="video")
    assert taken.counts.tolist() == [1, 2]
    np.testing.assert_array_equal(taken.values, [[VALUES[2], [0, 0, 0]], VALUES[:2]])
    parts = source(tmp_path / "f.parquet", Layout(ids="video")).parts()
    assert (parts.tables, parts.lists, parts.frames) == ({"values": 3}, ["video"], True)
    pq.write_table(pa.table({"ids": ["v", "w", "v", "x"], "values": VALUES.tolist()}), tmp_path / "g.parquet")
    with pytest.raises(LaffError, match="id 'v' comes twice"):
        read_frames(tmp_path / "g.parquet", ["v"], 5)


def test_cells_that_are_missing_cost_their_rows(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    rows = VALUES.tolist()
    pq.write_table(pa.table({"ids": NAMES, "values": [rows[0], None, [0.5, None, 1], rows[3]]}), tmp_path / "f.parquet")
    taken = read_rows(tmp_path / "f.parquet", NAMES, "values")
    assert taken.odd.tolist() == [0, 3, 1, 0]


def test_columns_that_cannot_be(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path, rows = tmp_path / "f.parquet", VALUES.tolist()
    for columns, words in (
        (
            {"id": NAMES, "values": rows},
            r"has no column 'ids' of ids; it holds id \(text\), values \(list\); set params.ids",
        ),
        ({"ids": NAMES, "a": rows, "b": rows}, "has several columns of lists; it holds .* set params.array"),
        ({"ids": NAMES, "a": NAMES}, "has no column of numbers"),
        ({"ids": [*NAMES[:3], None], "values": rows}, "row 3 has no id in 'ids'"),
        ({"ids": NAMES, "values": [*rows[:3], rows[3][:2]]}, "has lists of"),
    ):
        pq.write_table(pa.table(columns), path)
        with pytest.raises(LaffError, match=words):
            read_rows(path, NAMES)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(LaffError, match="cannot be read as Parquet"):
        read_rows(path, NAMES)
