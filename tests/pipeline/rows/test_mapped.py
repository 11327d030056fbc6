"""Rows as they lie in a file: every block of them, and files that are not what they should be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.rows import mapped, shards
from pipeline.rows.mapped import Mapped


def test_blocks_hold_all_rows_and_outlive_the_next(tmp_path: Path, monkeypatch) -> None:
    """Pages behind the reader are unmapped: who still looks at them sees the same."""
    monkeypatch.setattr(mapped, "WINDOW", 1 << 14)
    values = np.random.default_rng(0).standard_normal((1000, 32)).astype(np.float32)
    path = tmp_path / "v"
    path.write_bytes(b"12345678" + values.tobytes())
    blocks = list(Mapped(path, 8, 1000, 32, "float32").blocks(300))
    assert [(first, len(block)) for first, block in blocks] == [(0, 300), (300, 300), (600, 300), (900, 100)]
    np.testing.assert_array_equal(np.concatenate([block.numpy() for _, block in blocks]), values)


@pytest.mark.parametrize("kind", ["float16", "float32"])
def test_a_shard_is_mapped_where_its_values_lie(tmp_path: Path, kind: str) -> None:
    values = np.random.default_rng(0).standard_normal((70, 12)).astype(kind)
    shards.write(tmp_path / "0.h5", [f"v{n}" for n in range(70)], values, {"stage": "x"})
    found = mapped.of_shard(tmp_path / "0.h5")
    assert (found.rows, found.width, found.dtype) == (70, 12, kind)
    np.testing.assert_array_equal(np.concatenate([block.numpy() for _, block in found.blocks(64)]), values)


def test_a_shard_without_rows_has_no_block(tmp_path: Path) -> None:
    shards.write(tmp_path / "0.h5", [], np.zeros((0, 12), np.float32), {"stage": "x"})
    assert list(mapped.of_shard(tmp_path / "0.h5").blocks(64)) == []


def test_a_file_that_was_cut_off_is_told(tmp_path: Path) -> None:
    path = tmp_path / "v"
    path.write_bytes(bytes(100))
    with pytest.raises(LaffError, match="cut off, 100 of 128 bytes"):
        list(Mapped(path, 0, 8, 4, "float32").blocks(2))
    with pytest.raises(LaffError, match="No such file"):
        list(Mapped(tmp_path / "w", 0, 8, 4, "float32").blocks(2))


def test_other_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LaffError, match="its rows are float64; they should be float16 or float32"):
        Mapped(tmp_path / "v", 0, 8, 4, "float64")
