"""A shard is hashed once, and again after anything that changes it; only bytes that rot go unnoticed, but by verify."""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.rows import container, shards, whole

VALUES = np.arange(12, dtype=np.float32).reshape(3, 4)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A shard of which nothing is known yet; every file counts as settled, so that no test has to wait."""
    monkeypatch.setattr(whole, "SETTLED", -1.0)
    shards.write(tmp_path / "s.h5", ["a", "b", "c"], VALUES, {"fingerprint": "f" * 32})
    whole.WHOLE.forget()
    yield tmp_path / "s.h5"
    whole.WHOLE.forget()


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The algorithm of each file that is hashed from here on."""
    kinds: list[str] = []
    digest = hashlib.file_digest

    def counted(file: Any, kind: str) -> Any:
        kinds.append(kind)
        return digest(file, kind)

    monkeypatch.setattr(hashlib, "file_digest", counted)
    return kinds


def flip(path: Path) -> None:
    """Change one bit of the values, in place and within the file's old size."""
    place = path.read_bytes().index(VALUES.tobytes())
    time.sleep(0.02)  # older kernels give dates in ticks of up to 10 ms
    with path.open("r+b") as file:
        file.seek(place)
        file.write(b"\x01")


def test_a_shard_is_hashed_once(path: Path, hashed: list[str]) -> None:
    for _ in range(3):
        np.testing.assert_array_equal(shards.read(path).values, VALUES)
    assert shards.marks(path) is None  # it lacks most of them, but is whole
    assert hashed == ["sha256"]
    whole.WHOLE.forget()  # as another process
    shards.read(path)
    assert hashed == ["sha256"] * 2


def touched(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def date_set_back(path: Path) -> None:
    before = path.stat()
    flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def replaced(path: Path) -> None:
    other = path.with_name("other.h5")
    shards.write(other, ["a", "b", "c"], VALUES, {"fingerprint": "f" * 32})
    flip(other)
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)


@pytest.mark.parametrize("change", [flip, date_set_back, replaced])
def test_damage_is_noticed_by_the_state(path: Path, change: Callable[[Path], None]) -> None:
    shards.read(path)
    change(path)
    for _ in range(2):
        with pytest.raises(LaffError, match="its checksum is wrong"):
            shards.read(path)
    assert shards.marks(path) is None


def test_a_whole_file_with_another_date_is_hashed_again(path: Path, hashed: list[str]) -> None:
    shards.read(path)
    touched(path)
    shards.read(path)
    shards.read(path)
    assert hashed == ["sha256"] * 2


def test_a_file_that_is_gone_is_not_known(path: Path) -> None:
    shards.read(path)
    path.unlink()
    with pytest.raises(LaffError, match="No such file"):
        shards.read(path)


def test_verify_hashes_always(path: Path, hashed: list[str]) -> None:
    shards.read(path)
    assert container.check(path) == container.check(path) == ""
    assert hashed == ["sha256"] * 3


def test_a_file_that_was_just_written_is_hashed_at_every_read(
    path: Path, hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may change once more within the tick of its dates."""
    monkeypatch.setattr(whole, "SETTLED", 3600.0)
    shards.read(path)
    shards.read(path)
    assert hashed == ["sha256"] * 2


def test_a_file_that_changes_while_it_is_hashed_is_not_known(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = hashlib.file_digest

    def changing(file: Any, kind: str) -> Any:
        found = digest(file, kind)
        flip(path)
        return found

    monkeypatch.setattr(hashlib, "file_digest", changing)
    assert container.check(path) == ""
    assert not whole.WHOLE.has(path)
