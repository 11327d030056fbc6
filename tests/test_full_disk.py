"""A disk that takes no more ends a run with one sentence; nothing is half-written, and with room the run goes on."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import cli
from pipeline import files
from pipeline.graph import step_facts
from pipeline.rows import container, shards
from pipeline.store import verify
from tests.forked import Forked

STAGES = ("bow", "decode")  # cheap ones that write files of every kind
VICTIMS = {
    "shard": "bow/00001.h5",
    "table": "ingest/table.h5",
    "index": "bow/index.jsonl",
    "checkpoint": "bow/best.pt",
    "ledger": "failures.jsonl",
    "decode": "decode/00002.h5",
}
APPENDED = ("index", "ledger")  # not renamed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full and /proc")

KINDS = verify.Kinds(step_facts.made())


def break_disk(monkeypatch: pytest.MonkeyPatch, victim: Path, moment: str) -> None:
    """From now on the disk is full whenever this one file is written, flushed or renamed."""
    opened, replace, fsync = Path.open, Path.replace, os.fsync

    def hit(path: Any) -> bool:
        path = Path(path)
        return path == victim or (path.parent == victim.parent and path.name.startswith(f".{victim.name}."))

    def open_(self: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        full = hit(self) and mode.strip("bt") != "r"
        return opened(Path("/dev/full") if full else self, mode, *rest, **more)

    def raw(path: Path, mode: str = "r") -> FileIO:
        return FileIO("/dev/full" if hit(path) and mode != "r" else path, mode)

    def fsync_(handle: int) -> None:
        if hit(Path(f"/proc/self/fd/{handle}").readlink()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    def replace_(self: Path, target: Path) -> Path:
        if hit(self):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self), None, str(target))
        return replace(self, target)

    if moment == "write":
        monkeypatch.setattr(Path, "open", open_)
        monkeypatch.setattr(container, "FileIO", raw)
    elif moment == "fsync":
        monkeypatch.setattr(os, "fsync", fsync_)
    else:
        monkeypatch.setattr(Path, "replace", replace_)


@pytest.fixture(scope="module")
def spoiled(tiny, tmp_path_factory: pytest.TempPathFactory):
    """The tiny collection with a video that is none, so that there are failures to be noted; and it run undisturbed."""
    changed = tiny.copy(tmp_path_factory.mktemp("spoiled") / "tiny")
    sorted(changed.videos.iterdir())[3].write_bytes(b"no video")
    changed.run(targets=STAGES)
    return changed


def failures(work: Path) -> list[str]:
    return [line.rpartition('"time"')[0] for line in (work / "failures.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    ("kind", "moment"),
    [
        (kind, moment)
        for kind in VICTIMS
        for moment in ("write", "fsync", "rename")
        if not (kind in APPENDED and moment == "rename")
    ],
)
def test_a_full_disk_under_one_file(
    spoiled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contents: Callable, kind: str, moment: str
) -> None:
    changed = spoiled.copy(tmp_path / "changed", work=False)
    victim = changed.work / VICTIMS[kind]

    with monkeypatch.context() as patch:
        break_disk(patch, victim, moment)
        result = CliRunner().invoke(cli.main, ["run", *STAGES, *changed.options()])
    if kind == "ledger" and moment == "fsync":  # may be written without
        assert result.exit_code in (0, 1)
    else:
        assert result.exit_code == 1, result.output
        assert "Traceback" not in result.output
        message = result.output[result.output.index("Error: ") :]
        assert "the disk is full (" in message or "No space left on device" in message
        assert "make room" in message
        if kind in ("shard", "table", "decode"):
            assert f"the disk is full ({victim})" in message
        if kind not in APPENDED:
            assert not victim.exists()
    assert not list(changed.work.rglob("*.partial"))
    assert verify.damaged(changed.work, KINDS)[1] == {}

    kept = {name: marks for name, marks in changed.state().items() if name.endswith(".h5")}
    changed.run(targets=STAGES)
    state = changed.state()
    assert {name: state[name] for name in kept} == kept
    assert contents(changed.work) == contents(spoiled.work)
    assert failures(changed.work) == failures(spoiled.work)
    assert changed.run(targets=STAGES).made == {}


# A real one


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[Path, int], None]]:
    """disk(folder, size): a disk of so many bytes, mounted at a new folder; skips where mounting is not allowed."""
    mounted: list[Path] = []

    def mount(folder: Path, size: int) -> None:
        folder.mkdir(parents=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        try:
            mounting = subprocess.run(command, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            pytest.skip("needs `mount`")
        if mounting.returncode:
            pytest.skip(f"needs the right to mount: {mounting.stderr.strip()}")
        mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path, free: int) -> Path:
    """Fill a disk but for so many bytes; returns the file that does it."""
    filler = folder / "filler"
    disk_state = os.statvfs(folder)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, disk_state.f_bavail * disk_state.f_bsize - free)
    return filler


@pytest.mark.parametrize("free", [100_000, 30_000_000])
@pytest.mark.slow
def test_a_run_on_a_disk_that_fills_up(
    ran, tmp_path: Path, contents: Callable, disk: Callable, forked: Forked, free: int
) -> None:
    changed = ran.copy(tmp_path / "changed", work=False)
    disk(changed.work, 200_000_000)
    filler = fill(changed.work, free)
    process = forked.laff("run", *changed.options())
    code, output = process.wait(), process.said()
    assert code == 1, output
    assert "Traceback" not in output
    assert "make room" in output[output.rindex("Error: ") :]
    assert str(changed.work) in output[output.rindex("Error: ") :]
    assert not list(changed.work.rglob("*.partial"))
    process = forked.laff("verify", "-w", changed.work)
    assert process.wait() == 0, process.said()
    kept = {name: marks for name, marks in changed.state().items() if name.endswith(".h5") and "frames" not in name}
    filler.unlink()
    process = forked.laff("run", *changed.options())
    assert process.wait() == 0, process.said()
    state = changed.state()
    assert {name: state[name] for name in kept} == kept
    assert contents(changed.work) == contents(ran.work)
    assert changed.run().made == {}


def test_hdf5_outlives_a_disk_that_fills_up_anywhere(tmp_path: Path, disk: Callable) -> None:
    """HDF5 2.0 by itself crashes where some of its last writes fail; a crash would end this process."""
    folder = tmp_path / "disk"
    disk(folder, 1_000_000)
    ids = [f"video{number}#{number % 20}" for number in range(4000)]
    extra = {f"column{number}": np.arange(4000) for number in range(12)}
    whole = failed = 0
    for free in range(0, 800_000, 24_000):
        filler = fill(folder, free)
        met = None
        try:
            shards.write(folder / "s.h5", ids, np.ones((4000, 8), np.float32), {"recipe": "x" * 3000}, [], extra)
        except OSError as error:
            met = (error.errno, error.filename)
        if met is None:
            whole += 1
            assert container.check(folder / "s.h5") == ""
            (folder / "s.h5").unlink()
        else:
            failed += 1
            assert met == (errno.ENOSPC, str(folder / "s.h5"))
            assert [path.name for path in folder.iterdir()] == ["filler"]
        filler.unlink()
    assert failed > 10
    assert whole > 0


def test_a_disk_that_became_read_only_names_the_file(tmp_path: Path, disk: Callable) -> None:
    folder = tmp_path / "disk"
    disk(folder, 1_000_000)
    files.write_text(folder / "a.json", "{}")
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    with pytest.raises(OSError, match="Read-only file system") as error:
        files.write_text(folder / "a.json", "[]")
    assert (error.value.errno, error.value.filename) == (errno.EROFS, str(folder / "a.json"))
    assert (folder / "a.json").read_text() == "{}"
