"""Large values are written and hashed side by side; the file is the one that HDF5 writes alone."""

import errno
import hashlib
import os
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.sparse import csr_matrix

from pipeline.rows import container, large, shards

IDS = [f"v{number}" for number in range(30)]


def values(dtype: str, shape: tuple[int, ...] = (30, 50)) -> np.ndarray:
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


CASES: dict[str, Any] = {
    "float32": values("float32"),
    "float16": values("float16"),
    "frames": values("uint8", (30, 4, 20)),
    "columns first": np.asfortranarray(values("float64")),
    "every other": values("float32", (60, 50))[::2],
    "big-endian": values(">f4"),
    "sparse": csr_matrix(values("float32")),
}


@pytest.mark.parametrize("name", CASES)
def test_the_bytes_are_those_of_hdf5_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    given, written = CASES[name], []
    frames = np.full(30, 4) if name == "frames" else None
    for least in (1 << 40, 1):  # all by HDF5; all side by side
        monkeypatch.setattr(large, "LEAST", least)
        monkeypatch.setattr(large, "PIECE", 1000)
        shards.write(tmp_path / "s.h5", IDS, given, {"stage": "x"}, frames=frames, extra={"packets": np.arange(30)})
        written.append((tmp_path / "s.h5").read_bytes())
    assert written[0] == written[1]
    assert written[1][:82] == b"laff shard sha256 " + hashlib.sha256(written[1][512:]).hexdigest().encode()
    read = shards.read(tmp_path / "s.h5").values
    same = (read != given).nnz == 0 if name == "sparse" else np.array_equal(read, given)
    assert same


def test_several_arrays_in_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "LEAST", 1)
    later: list[large.Large] = []
    with container.create(tmp_path / "s.h5", later) as file:
        large.put(file, "second", values("float32"), later)
        large.put(file, "first", values("int64"), later)
        file.attrs["end"] = "x" * 10_000
    assert len(later) == 2
    assert container.check(tmp_path / "s.h5") == ""
    with h5py.File(tmp_path / "s.h5") as file:
        np.testing.assert_array_equal(file["first"], values("int64"))
        np.testing.assert_array_equal(file["second"], values("float32"))


def test_a_file_whose_hashing_is_interrupted_is_not_written_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, places = os.pwrite, []

    def slow(handle: int, data: Any, place: int) -> int:
        if len(data) == 100:  # HDF5 writes the rest
            places.append(place)
            time.sleep(0.05)
        return write(handle, data, place)

    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(large, "LEAST", 1)
    monkeypatch.setattr(large, "PIECE", 100)
    monkeypatch.setattr(large, "_hash_file", interrupted)
    monkeypatch.setattr(os, "pwrite", slow)
    with pytest.raises(KeyboardInterrupt):
        shards.write(tmp_path / "s.h5", IDS, values("float32"), {})
    assert len(places) <= 2  # of 60 pieces
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error comes from the thread that writes."""
    monkeypatch.setattr(large, "LEAST", 1)
    write = os.pwrite

    def full(handle: int, data: Any, place: int) -> int:
        if len(data) == 6000:  # the values, which HDF5 does not write
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, data, place)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OSError, match="No space left") as error:
        shards.write(tmp_path / "s.h5", IDS, values("float32"), {})
    assert error.value.filename == str(tmp_path / "s.h5")
    assert list(tmp_path.iterdir()) == []
