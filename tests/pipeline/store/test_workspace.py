"""One run at a time, and digests that are computed once."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline import files
from pipeline.errors import LaffError
from pipeline.parts.code import ROOT
from pipeline.store.index import Entry
from pipeline.store.workspace import Workspace

HOLD = """
import sys, time
from pathlib import Path
from pipeline.store.workspace import Workspace
with Workspace(Path(sys.argv[1])).lock():
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def held(root: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the workspace until it reads a line or is killed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(root)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def enter(work: Workspace) -> None:
    with work.lock():
        pass


def test_a_process_that_was_forked_can_let_go_of_the_lock(tmp_path: Path) -> None:
    """Else the workspace would stay in use until that one ends, too."""
    work, (left, leaving), (go, going) = Workspace(tmp_path / "WORK"), os.pipe(), os.pipe()
    with work.lock():
        child = os.fork()
        if not child:
            try:
                work.leave()
                os.write(leaving, b"1")
                os.read(go, 1)
            finally:
                os._exit(0)
        os.read(left, 1)
    try:
        enter(Workspace(work.root))
    finally:
        os.write(going, b"1")
        os.waitpid(child, 0)
        for pipe in (left, leaving, go, going):
            os.close(pipe)


def test_a_second_process_is_told_who_holds_it(tmp_path: Path):
    work = Workspace(tmp_path / "WORK")
    with held(work.root) as process:
        with pytest.raises(LaffError) as error:
            enter(work)
        holder = re.fullmatch(
            rf"{re.escape(str(work.root))} is in use by process (\d+) on (\S+) since "
            r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d; wait for it to end, or use another -w",
            str(error.value),
        )
        assert holder
        assert (int(holder[1]), holder[2]) == (process.pid, socket.gethostname())
        process.kill()  # -9: nobody cleans up, and yet
        process.wait()
        enter(work)


def test_it_is_free_after_an_end_and_after_an_error(tmp_path: Path):
    work = Workspace(tmp_path)
    enter(work)

    def fail() -> None:
        with work.lock():
            raise RuntimeError("while it ran")

    with pytest.raises(RuntimeError, match="while it ran"):
        fail()
    enter(work)
    with work.lock(), pytest.raises(LaffError, match=f"is in use by process {os.getpid()} on"):
        enter(Workspace(tmp_path))


def test_leftovers_go_when_a_run_begins(tmp_path: Path):
    (tmp_path / "x3d").mkdir()
    leftover = tmp_path / "x3d" / ".00000.h5.abc.partial"
    leftover.touch()
    enter(Workspace(tmp_path))
    assert not leftover.exists()


def test_a_folder_that_cannot_be_one(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(LaffError) as error:
        enter(Workspace(tmp_path / "file" / "WORK"))
    assert str(error.value) == f"{tmp_path}/file/WORK: cannot be used as a workspace: Not a directory"


def test_places(tmp_path: Path):
    work = Workspace(tmp_path)
    assert work.folder("x3d") == tmp_path / "x3d"
    assert work.table == tmp_path / "ingest" / "table.h5"
    assert work.ledger == tmp_path / "failures.jsonl"
    assert work.index("x3d") is work.index("x3d")


def test_a_digest_is_computed_once_until_the_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "weights.pt"
    file.write_bytes(b"one")
    computed = []
    real = files.sha256
    monkeypatch.setattr(files, "sha256", lambda path: computed.append(path) or real(path))
    (tmp_path / "WORK").mkdir()
    held = Workspace(tmp_path / "WORK")
    with held.lock():
        first = held.sha256(file)
    work = Workspace(tmp_path / "WORK")  # another run
    assert work.sha256(file) == first == real(file)
    assert len(computed) == 1
    file.write_bytes(b"two")
    os.utime(file, ns=(9, 9))
    assert work.sha256(file) == real(file) != first
    assert work.sha256(file) == real(file)
    assert len(computed) == 2


@pytest.mark.parametrize("together", [False, True])
def test_a_file_that_changed_behind_its_old_date_has_another_digest(tmp_path: Path, together: bool):
    """By its ctime. Notes of earlier versions have none, and count."""
    file, root = tmp_path / "feature.bin", tmp_path / "WORK"

    def digest() -> str:
        work = Workspace(root)
        with work.lock():
            return work.sha256_together([file]) if together else work.sha256(file)

    file.write_bytes(b"one")
    before = file.stat()
    first = digest()
    time.sleep(0.02)
    file.write_bytes(b"two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    second = digest()
    assert second != first
    [(key, note)] = json.loads((root / "digests.json").read_text()).items()
    assert note[2] == second
    (root / "digests.json").write_text(json.dumps({key: [*note[:2], "as noted"]}))
    assert digest() == "as noted"


def test_a_run_notes_new_dates_and_says_once_that_it_looks(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    work = Workspace(tmp_path / "WORK")
    for stage in ("gru", "train"):
        files.write_text(work.folder(stage) / "best.pt", stage)
        index = work.index(stage)
        index.record("fit", Entry("f", "c", index.made(["best.pt"])), {})
        os.utime(work.folder(stage) / "best.pt", ns=(5, 5))

    def look(work: Workspace) -> str:
        assert all(work.index(stage).entry("fit") for stage in ("gru", "train"))
        return capsys.readouterr().err[len("2026-01-02 03:04:05 ") :]

    said = f"{work.root}: dates of files have changed, as after a copy; looking whether the files have, too\n"
    assert look(Workspace(work.root)) == said  # a plan: it writes nothing
    held = Workspace(work.root)
    with held.lock():
        assert look(held) == said
    assert look(Workspace(work.root)) == ""


def test_a_plan_makes_no_workspace(tmp_path: Path):
    file = tmp_path / "weights.pt"
    file.write_bytes(b"one")
    work = Workspace(tmp_path / "WORK")
    assert work.sha256(file) == files.sha256(file)
    assert work.index("x3d").entry("00000.h5") is None
    assert not work.root.exists()


def test_a_lock_that_is_a_link_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("of somebody else")
    (tmp_path / "WORK").mkdir()
    (tmp_path / "WORK" / ".lock").symlink_to(tmp_path / "other")
    with pytest.raises(LaffError, match="WORK: cannot be used as a workspace"), Workspace(tmp_path / "WORK").lock():
        pass
    assert (tmp_path / "other").read_text() == "of somebody else"


def test_what_is_left_of_writes_behind_a_link_stays(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / ".a.h5.12.partial").write_text("of another run")
    (tmp_path / "WORK").mkdir()
    (tmp_path / "WORK" / "x3d").symlink_to(tmp_path / "other")
    with Workspace(tmp_path / "WORK").lock():
        pass
    assert (tmp_path / "other" / ".a.h5.12.partial").exists()
