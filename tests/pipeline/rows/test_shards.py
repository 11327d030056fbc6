"""Shards: what is written comes back, and an interrupted write leaves nothing behind."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from extractors.base import Sampling
from pipeline.errors import LaffError
from pipeline.rows import container, shards
from pipeline.store import ledger

IDS = ["a", "b#0", "猫#1"]
RECIPE = {"step": "extract", "params": {"frames": 13}}
MARKS: dict[str, Any] = {"fingerprint": "f" * 32, "content": "c" * 64, "recipe": json.dumps(RECIPE)}


@pytest.mark.parametrize("dtype", ["float32", "float16", "int64"])
def test_dense_round_trip(tmp_path: Path, dtype: str):
    values = np.arange(12).reshape(3, 4).astype(dtype)
    failed = [ledger.line("x", "x3d", "zu kurz 猫", "Short", "pyav")]
    extra = {"packets": np.array([1, 2, 3]), "codec": np.array([b"h264", b"vp9", b""])}
    path = tmp_path / "x3d" / "00000.h5"
    shards.write(path, IDS, values, MARKS | {"dims": [3, 4], "scale": 0.5, "rows": 3}, failed, extra)
    shard = shards.read(path)
    assert shard.ids == shards.read_ids(path) == IDS
    np.testing.assert_array_equal(shard.values, values)
    assert shard.values.dtype == dtype
    assert shard.failed == failed
    assert shard.attributes == MARKS | {"dims": "[3, 4]", "scale": 0.5, "rows": 3}
    np.testing.assert_array_equal(shards.column(path, "packets"), [1, 2, 3])
    assert shards.column(path, "codec").tolist() == ["h264", "vp9", ""]
    assert [file.name for file in path.parent.iterdir()] == ["00000.h5"]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_rows_of_frames_round_trip(tmp_path: Path, dtype: str):
    values = np.arange(24).reshape(3, 4, 2).astype(dtype)
    shards.write(tmp_path / "s.h5", IDS, values, MARKS, frames=np.array([4, 1, 3]))
    shard = shards.read(tmp_path / "s.h5")
    np.testing.assert_array_equal(shard.values, values)
    assert shard.values.dtype == dtype
    assert shard.frames is not None
    assert (shard.frames.tolist(), shard.frames.dtype) == ([4, 1, 3], np.int32)
    assert container.check(tmp_path / "s.h5") == ""
    assert "  frames       [3] int32" in shards.describe(tmp_path / "s.h5").split("\n")
    shards.write(tmp_path / "s.h5", [], values[:0], MARKS, frames=np.array([], np.int32))
    shard = shards.read(tmp_path / "s.h5")
    assert shard.frames is not None
    assert (shard.values.shape, shard.frames.shape) == ((0, 4, 2), (0,))


def test_sparse_round_trip(tmp_path: Path):
    """Rows without a value and columns without a value, at the ends too."""
    values = csr_matrix(np.array([[0, 0, 0, 0], [0, 2, 0.5, 0], [0, 0, 0, 0]], np.float32))
    shards.write(tmp_path / "s.h5", IDS, values, MARKS)
    shard = shards.read(tmp_path / "s.h5")
    assert shard.ids == IDS
    assert shard.values.shape == (3, 4)
    assert shard.values.dtype == np.float32
    assert shard.values.nnz == 2
    np.testing.assert_array_equal(shard.values.toarray(), values.toarray())


@pytest.mark.parametrize("values", [np.zeros((0, 5), np.float32), csr_matrix((0, 5), dtype=np.float32)])
def test_no_rows(tmp_path: Path, values: Any):
    """A shard whose videos all failed still has its width."""
    shards.write(tmp_path / "s.h5", [], values, MARKS)
    shard = shards.read(tmp_path / "s.h5")
    assert shard.ids == []
    assert shard.values.shape == (0, 5)


@pytest.mark.parametrize("order", ["x b y a z", "a x y z b", "x y z a b", "a b z y x"])
def test_members_in_order_with_and_without_a_row(tmp_path: Path, order: str):
    failed = [ledger.line(name, "x3d", "broken") for name in ("z", "x", "y")]
    ids = [name for name in order.split() if name in "ab"]
    shards.write(tmp_path / "s.h5", ids, np.zeros((2, 1)), MARKS, failed, order=order.split())
    assert shards.read_members(tmp_path / "s.h5") == order.split()
    shards.write(tmp_path / "s.h5", ids, np.zeros((2, 1)), MARKS, failed)  # as earlier versions did
    assert shards.read_members(tmp_path / "s.h5") is None
    shards.write(tmp_path / "s.h5", ids, np.zeros((2, 1)), MARKS)
    assert shards.read_members(tmp_path / "s.h5") == ids


def test_marks(tmp_path: Path):
    """What a plan asks of a shard that the index does not know."""
    failed = [ledger.line("x", "x3d", "broken")]
    path = tmp_path / "s.h5"
    notes = [ledger.line("y", "x3d", "used, but only 8 of 10 frames")]
    shards.write(path, IDS, np.zeros((3, 2)), MARKS, failed, notes=notes)
    assert shards.marks(path) == MARKS | {"recipe": RECIPE, "rows": 3, "failed": failed, "notes": notes}
    shards.write(path, IDS, np.zeros((3, 2)), {"fingerprint": "f"})  # somebody else's file
    assert shards.marks(path) is None
    path.write_text("no HDF5")
    assert shards.marks(path) is None
    assert shards.marks(tmp_path / "none.h5") is None


def test_ids_and_rows_agree(tmp_path: Path):
    with pytest.raises(LaffError) as error:
        shards.write(tmp_path / "s.h5", IDS, np.zeros((2, 4)), MARKS)
    assert str(error.value) == f"{tmp_path}/s.h5: 3 ids but 2 rows of values"
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_what_was_there(tmp_path: Path):
    path = tmp_path / "s.h5"
    with pytest.raises(TypeError):
        shards.write(path, IDS, np.zeros((3, 4)), MARKS | {"odd": {1, 2}})  # breaks after the values are written
    assert list(tmp_path.iterdir()) == []
    shards.write(path, IDS, np.ones((3, 4)), MARKS)
    with pytest.raises(TypeError):
        shards.write(path, IDS, np.zeros((3, 4)), MARKS | {"odd": {1, 2}})
    np.testing.assert_array_equal(shards.read(path).values, np.ones((3, 4)))
    assert [file.name for file in tmp_path.iterdir()] == ["s.h5"]


@pytest.mark.parametrize("keep", [0, 100, 2000])
def test_damaged_and_missing_shards(tmp_path: Path, keep: int):
    path = tmp_path / "s.h5"
    shards.write(path, IDS, np.random.default_rng(0).normal(size=(3, 400)), MARKS)
    path.write_bytes(path.read_bytes()[:keep])
    for broken in (path, tmp_path / "none.h5"):
        with pytest.raises(LaffError) as error:
            shards.read(broken)
        assert str(error.value).startswith(f"{broken}: not a readable shard (")
        assert str(error.value).endswith("; `laff verify` finds all such files, the next run makes them again")


def test_describe(tmp_path: Path):
    path = tmp_path / "s.h5"
    shards.write(path, IDS, np.zeros((3, 2), np.float32), {"stage": "x3d"}, [ledger.line("x", "x3d", "broken")])
    lines = shards.describe(path).split("\n")
    assert lines[0] == str(path)
    assert "  values       [3, 2] float32" in lines
    assert "  ids          [3] text" in lines
    assert "  @stage = x3d" in lines
    assert json.loads(lines[-1].removeprefix("  failed: "))["reason"] == "broken"
    sampling = Sampling(16, 356, 312, clips=10, stride=5, fps=30.0, antialias=False)
    about = {"sampling": json.dumps(sampling.__dict__), "recipe": MARKS["recipe"], "weights": "{broken"}
    shards.write(path, IDS, np.zeros((3, 2), np.float32), about)
    lines = shards.describe(path).split("\n")
    at = lines.index("  @sampling = " + str(sampling))
    assert json.loads(lines[at + 1])["clips"] == 10
    at = lines.index("  @recipe =")
    assert lines[at + 1 : at + 4] == ["    params:", "      frames: 13", "    step: extract"]
    assert "  @weights = {broken" in lines
    shards.write(path, IDS, np.zeros((3, 2), np.float32), {"sampling": '{"moments": 3}'})
    assert "  @sampling = of another version of laff" in shards.describe(path)
    path.write_text("no HDF5")
    with pytest.raises(LaffError, match="not a readable HDF5 file"):
        shards.describe(path)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("best.pt", "; `laff analyze weights` shows what is in a trained model"),
        ("t2v.trec.gz", "; this one is text: zcat "),
        ("collection.yaml", "; this one is text"),
        ("a.bin", ""),
    ],
)
def test_a_file_that_is_no_shard_is_told_as_such(tmp_path: Path, name: str, hint: str) -> None:
    (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(LaffError) as error:
        shards.describe(tmp_path / name)
    assert str(error.value).startswith(f"{tmp_path / name}: this shows shards, the .h5 files of a stage, such as")
    assert hint in str(error.value)
