"""Shards: what is written comes back, and an interrupted write leaves nothing behind."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.sparse import csr_matrix

from pipeline import ledger, shards
from pipeline.errors import LaffError

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


def test_sparse_round_trip(tmp_path: Path):
    """Rows without a value and columns without a value, at the ends too."""
    values = csr_matrix(np.array([[0, 0, 0, 0], [0, 2, 0.5, 0], [0, 0, 0, 0]], np.float32))
    shards.write(tmp_path / "s.h5", IDS, values, MARKS)
    found = shards.read(tmp_path / "s.h5")
    assert found.ids == IDS
    assert found.values.shape == (3, 4)
    assert found.values.dtype == np.float32
    assert found.values.nnz == 2
    np.testing.assert_array_equal(found.values.toarray(), values.toarray())


@pytest.mark.parametrize("values", [np.zeros((0, 5), np.float32), csr_matrix((0, 5), dtype=np.float32)])
def test_no_rows(tmp_path: Path, values: Any):
    """A shard whose videos all failed still has its width."""
    shards.write(tmp_path / "s.h5", [], values, MARKS)
    found = shards.read(tmp_path / "s.h5")
    assert found.ids == []
    assert found.values.shape == (0, 5)


def test_marks(tmp_path: Path):
    """What a plan asks of a shard that the index does not know."""
    failed = [ledger.line("x", "x3d", "broken")]
    path = tmp_path / "s.h5"
    shards.write(path, IDS, np.zeros((3, 2)), MARKS, failed)
    assert shards.marks(path) == MARKS | {"recipe": RECIPE, "rows": 3, "failed": failed}
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
    path.write_text("no HDF5")
    with pytest.raises(LaffError, match="not a readable HDF5 file"):
        shards.describe(path)


# The checksum


def small(path: Path) -> Path:
    shards.write(path, IDS, np.arange(12, dtype=np.float32).reshape(3, 4), MARKS, [ledger.line("x", "x3d", "broken")])
    return path


def test_the_first_512_bytes_hold_the_sha256_of_the_rest(tmp_path: Path):
    """As README says; and any HDF5 library reads the file as it is."""
    raw = small(tmp_path / "s.h5").read_bytes()
    assert raw[:512] == f"laff shard sha256 {hashlib.sha256(raw[512:]).hexdigest()}\n".encode().ljust(512, b"\0")
    with h5py.File(tmp_path / "s.h5") as file:
        assert file.userblock_size == 512
        assert file["values"][2, 3] == 11
    assert shards.check(tmp_path / "s.h5") == ""
    assert shards.is_ours(tmp_path / "s.h5")


def test_every_byte_counts(tmp_path: Path):
    path = small(tmp_path / "s.h5")
    raw = path.read_bytes()
    unnoticed = []
    for place in {*range(0, len(raw), 97), *range(0, 512), len(raw) - 1}:
        changed = bytearray(raw)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        if not shards.check(path):
            unnoticed.append(place)
    assert unnoticed == []


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (lambda raw: raw[:-1], "its checksum is wrong: bytes were lost or changed after it was written"),
        (lambda raw: raw[:512], "its checksum is wrong: bytes were lost or changed after it was written"),
        (lambda raw: raw + b"\0", "its checksum is wrong: bytes were lost or changed after it was written"),
        (lambda raw: raw[:511], "it has no checksum"),
        (lambda raw: raw[512:], "it has no checksum"),
        (lambda raw: b"", "it has no checksum"),
    ],
)
def test_what_is_wrong_with_a_shard(tmp_path: Path, change: Callable[[bytes], bytes], wrong: str):
    path = small(tmp_path / "s.h5")
    path.write_bytes(change(path.read_bytes()))
    assert shards.check(path) == wrong
    assert shards.marks(path) is None
    with pytest.raises(LaffError) as error:
        shards.read(path)
    assert str(error.value).startswith(f"{path}: not a readable shard ({wrong}); `laff verify` ")
    assert shards.check(tmp_path / "none.h5") == "No such file or directory"
    assert not shards.is_ours(tmp_path / "none.h5")


def test_a_shard_of_plain_hdf5_is_not_trusted(tmp_path: Path):
    """Written by something else, or by an older laff: nothing says that it is whole."""
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["values"] = np.zeros((3, 2))
    assert shards.check(tmp_path / "s.h5") == "it has no checksum"
    assert not shards.is_ours(tmp_path / "s.h5")
