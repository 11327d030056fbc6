"""The checksum of an HDF5 file: every byte counts, and HDF5 libraries don't mind it."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.rows import container, shards
from pipeline.store import ledger


def small(path: Path) -> Path:
    shards.write(
        path,
        ["a", "b#0", "猫#1"],
        np.arange(12, dtype=np.float32).reshape(3, 4),
        {"fingerprint": "f" * 32},
        [ledger.line("x", "x3d", "broken")],
    )
    return path


def test_the_first_512_bytes_hold_the_sha256_of_the_rest(tmp_path: Path):
    """As docs/files.md says; and any HDF5 library reads the file as it is."""
    raw = small(tmp_path / "s.h5").read_bytes()
    assert raw[:512] == f"laff shard sha256 {hashlib.sha256(raw[512:]).hexdigest()}\n".encode().ljust(512, b"\0")
    with h5py.File(tmp_path / "s.h5") as file:
        assert file.userblock_size == 512
        assert file["values"][2, 3] == 11
    assert container.check(tmp_path / "s.h5") == ""
    assert container.is_ours(tmp_path / "s.h5")


def test_every_byte_counts(tmp_path: Path):
    path = small(tmp_path / "s.h5")
    raw = path.read_bytes()
    unnoticed = []
    for place in {*range(0, len(raw), 97), *range(0, 512), len(raw) - 1}:
        changed = bytearray(raw)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        if not container.check(path):
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
    assert container.check(path) == wrong
    assert shards.marks(path) is None
    with pytest.raises(LaffError) as error:
        shards.read(path)
    assert str(error.value).startswith(f"{path}: not a readable shard ({wrong}); `laff verify` ")
    assert container.check(tmp_path / "none.h5") == "No such file or directory"
    assert not container.is_ours(tmp_path / "none.h5")


def test_a_shard_of_plain_hdf5_is_not_trusted(tmp_path: Path):
    """Written by something else, or by an older laff: nothing says that it is whole."""
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file["values"] = np.zeros((3, 2))
    assert container.check(tmp_path / "s.h5") == "it has no checksum"
    assert not container.is_ours(tmp_path / "s.h5")
