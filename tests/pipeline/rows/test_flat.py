"""Rows as they lie in a file: some of them, from any place, and files that are not what they should be."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.rows import flat, shards
from pipeline.rows.flat import Flat


def all_rows(shard: Flat) -> np.ndarray:
    values_read = np.empty((shard.rows, shard.width), shard.dtype)
    shard.read(0, values_read)
    return values_read


@pytest.mark.parametrize("lacks", [(), ("RWF_NOWAIT",), ("posix_fadvise", "RWF_NOWAIT")], ids=["linux", "other", "mac"])
def test_rows_are_read_from_any_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lacks: tuple[str, ...]) -> None:
    for name in lacks:
        monkeypatch.delattr(os, name)
    values = np.random.default_rng(0).standard_normal((1000, 32)).astype(np.float32)
    path = tmp_path / "v"
    path.write_bytes(b"12345678" + values.tobytes())
    values_read = np.empty((300, 32), np.float32)
    flat_file = Flat(path, 8, 1000, 32, "float32")
    for first in (700, 0, 300):
        flat_file.ahead(first, 300)
        flat_file.read(first, values_read)
        np.testing.assert_array_equal(values_read, values[first : first + 300])


@pytest.mark.parametrize("kind", ["float16", "float32"])
def test_a_shard_is_read_where_its_values_lie(tmp_path: Path, kind: str) -> None:
    values = np.random.default_rng(0).standard_normal((70, 12)).astype(kind)
    shards.write(tmp_path / "0.h5", [f"v{n}" for n in range(70)], values, {"stage": "x"})
    shard = flat.of_shard(tmp_path / "0.h5")
    assert (shard.rows, shard.width, shard.dtype) == (70, 12, kind)
    np.testing.assert_array_equal(all_rows(shard), values)


def test_a_shard_without_rows_has_no_block(tmp_path: Path) -> None:
    shards.write(tmp_path / "0.h5", [], np.zeros((0, 12), np.float32), {"stage": "x"})
    assert all_rows(flat.of_shard(tmp_path / "0.h5")).shape == (0, 12)


def test_a_file_that_was_cut_off_is_told(tmp_path: Path) -> None:
    path = tmp_path / "v"
    path.write_bytes(bytes(100))
    with pytest.raises(LaffError, match="cut off after 100 bytes"):
        all_rows(Flat(path, 0, 8, 4, "float32"))
    with pytest.raises(LaffError, match="No such file"):
        all_rows(Flat(tmp_path / "w", 0, 8, 4, "float32"))


def test_other_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LaffError, match="its rows are float64; they should be float16 or float32"):
        Flat(tmp_path / "v", 0, 8, 4, "float64")
