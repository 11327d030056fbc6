"""A file is whole or absent, whatever ends the writing."""

import errno
import hashlib
import os
import re
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from pipeline import files
from pipeline.parts.code import ROOT


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_whole(tmp_path: Path):
    path = tmp_path / "new" / "folder" / "a.txt"
    with files.whole(path) as temporary:
        temporary.write_text("done")
        assert not path.exists()
        assert temporary.parent == path.parent  # a rename between disks would be a copy
    assert path.read_text() == "done"
    assert names(path.parent) == ["a.txt"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.parametrize("old", [None, "old"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_error_leaves_what_was_there(tmp_path: Path, old: str | None, error: type[BaseException]):
    path = tmp_path / "a.txt"
    if old:
        path.write_text(old)

    def interrupted() -> None:
        with files.whole(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        interrupted()
    assert names(tmp_path) == (["a.txt"] if old else [])
    assert not old or path.read_text() == old


@pytest.mark.parametrize("old", [None, "old"])
def test_a_kill_leaves_what_was_there(tmp_path: Path, old: str | None):
    """kill -9 inside the block: no file, or the old one, and a leftover that the next run removes."""
    path = tmp_path / "a.txt"
    if old:
        path.write_text(old)
    program = f"""
import time
from pathlib import Path
from pipeline import files
with files.whole(Path({str(path)!r})) as temporary:
    temporary.write_text("half")
    print("inside", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "inside\n"
        process.kill()
        assert process.wait() == -9
    assert (path.read_text() if path.exists() else None) == old
    [leftover] = [name for name in names(tmp_path) if name != "a.txt"]
    assert leftover.startswith(".a.txt.")
    assert files.remove_partials(tmp_path) == 1
    assert names(tmp_path) == (["a.txt"] if old else [])


def test_only_leftovers_are_removed(tmp_path: Path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    for name in ("deep/er/.00000.h5.x1y2.partial", ".index.json.abc.partial", "deep/kept.partial", "deep/.kept"):
        (tmp_path / name).touch()
    assert files.remove_partials(tmp_path) == 2
    assert names(tmp_path / "deep") == [".kept", "er", "kept.partial"]
    assert names(tmp_path / "deep" / "er") == []


def test_folders_that_were_left_are_removed(tmp_path: Path):
    (tmp_path / "deep" / ".a.partial" / "inside").mkdir(parents=True)
    (tmp_path / "deep" / ".a.partial" / "inside" / ".b.partial").touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".c.partial").symlink_to(tmp_path / "elsewhere")
    assert files.remove_partials(tmp_path) == 3
    assert names(tmp_path) == ["deep", "elsewhere"]
    assert names(tmp_path / "deep") == []


def test_a_folder_is_whole_or_absent(tmp_path: Path) -> None:
    """A new one, one in the place of another, and one that fails."""
    for text in ("old", "new"):
        with files.whole_folder(tmp_path / "out" / "inner") as part:
            (part / "deep").mkdir()
            (part / "deep" / text).write_text(text)
            assert not (tmp_path / "out" / "inner" / "deep" / text).exists()
        assert [path.name for path in (tmp_path / "out" / "inner" / "deep").iterdir()] == [text]
    with suppress(KeyboardInterrupt), files.whole_folder(tmp_path / "out" / "inner") as part:
        (part / "half").write_text("x")
        raise KeyboardInterrupt
    assert [path.name for path in (tmp_path / "out").rglob("*")] == ["inner", "deep", "new"]


def test_bytes_are_on_disk_before_the_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Flush of the file, rename, flush of the folder: a power cut leaves no empty file under the name."""
    path = tmp_path / "a.txt"
    seen = []
    real = os.fsync

    def fsync(handle: int) -> None:
        seen.append((stat.S_ISDIR(os.fstat(handle).st_mode), path.exists()))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    files.write_text(path, "x")
    assert seen == [(False, False), (True, True)]


def test_a_file_system_that_cannot_flush_folders_is_good_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, numbers = os.fsync, [errno.EINVAL]

    def fsync(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(numbers[0], os.strerror(numbers[0]))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    files.write_text(tmp_path / "a.txt", "x")
    assert (tmp_path / "a.txt").read_text() == "x"
    numbers[0] = errno.EIO  # a disk that fails is another matter
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        files.sync_folder(tmp_path)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_disk_that_takes_no_more_names_the_file(tmp_path: Path, number: int, wrapped: bool):
    """Also where a library, as torch's writer does, turns the OSError that it met into a RuntimeError."""

    def write() -> None:
        with files.whole(tmp_path / "a.pt") as temporary:
            temporary.write_text("half")
            try:
                raise OSError(number, "what a system call says")
            except OSError:
                if wrapped:
                    raise RuntimeError("unexpected pos 64 vs 0")  # noqa: B904 - so does torch
                raise

    with pytest.raises(OSError, match=re.escape(str(tmp_path / "a.pt"))) as error:
        write()
    assert (error.value.errno, error.value.filename) == (number, str(tmp_path / "a.pt"))
    assert names(tmp_path) == []


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), RuntimeError("out of ideas")])
def test_other_errors_stay_as_they_are(tmp_path: Path, error: Exception):
    def write() -> None:
        with files.whole(tmp_path / "a.pt"):
            raise error

    with pytest.raises(type(error)) as seen:
        write()
    assert seen.value is error


def test_json(tmp_path: Path):
    path = tmp_path / "a.json"
    files.write_json(path, {"Häschen": [1, 2.5, None]})
    assert "Häschen" in path.read_text(encoding="utf-8")
    assert files.read_json(path) == {"Häschen": [1, 2.5, None]}
    path.write_text("{half")
    assert files.read_json(path, 7) == 7
    assert files.read_json(tmp_path / "none.json", []) == []


def test_digests(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"abc")
    # FIPS 180-2's own example
    assert files.sha256(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert files.digest({"b": 1, "a": [2]}) == files.digest({"a": [2], "b": 1})
    assert files.digest([1, 2]) != files.digest([2, 1])
    assert files.digest(1) != files.digest(1.0)
    assert files.digest("é") == hashlib.sha256('"é"'.encode()).hexdigest()


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600), (0o027, 0o640)])
def test_the_umask_is_respected(tmp_path: Path, mask: int, mode: int) -> None:
    """Whoever shares with a group sets 002, whoever does not share sets 077; it was 644 for all."""
    before = os.umask(mask)
    try:
        files.write_text(tmp_path / "new" / "a.txt", "a")
        files.write_text(tmp_path / "new" / "a.txt", "b")
    finally:
        os.umask(before)
    assert (tmp_path / "new" / "a.txt").stat().st_mode & 0o777 == mode
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o777 & ~mask
