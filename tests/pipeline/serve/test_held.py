"""Files that are held open: what is put in their place while something is made of them is not read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.serve.held import DESCRIPTORS, mark, of_held
from pipeline.serve.moments import Window
from pipeline.video.media import VideoError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"ours")
    return path


def other(path: Path) -> None:
    """Put a link to another file, of the same size, in the place of one."""
    (path.parent / "private").write_bytes(b"mine")
    path.unlink()
    path.symlink_to("private")


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="open files have no paths on this system")
def test_a_file_that_is_exchanged_on_the_way_stays_the_same(file: Path) -> None:
    def job(window: Window) -> list[bytes]:
        other(file)
        return [Path(window.path).read_bytes(), str(window.end).encode()]

    assert of_held(job, mark(file.stat()), Window(str(file), 0.0, 2.0)) == [b"ours", b"2.0"]
    assert file.read_bytes() == b"mine"


def test_a_file_that_was_exchanged_before_is_not_read(file: Path) -> None:
    marked = mark(file.stat())
    other(file)
    with pytest.raises(VideoError, match="is not the file that was indexed any more"):
        of_held(lambda window: pytest.fail("it was read"), marked, Window(str(file)))
    file.unlink()
    os.mkfifo(file)  # one that nobody writes to
    with pytest.raises(VideoError, match="is not the file"):
        of_held(lambda window: pytest.fail("it was read"), marked, Window(str(file)))
    file.unlink()
    with pytest.raises(VideoError, match="cannot be opened"):
        of_held(lambda window: pytest.fail("it was read"), marked, Window(str(file)))
