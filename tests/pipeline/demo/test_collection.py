"""The demo collection on disk: real videos, the layout that collection.yaml describes, made once and whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import av
import pytest
import yaml

from pipeline.demo import make_collection
from pipeline.demo.collection import FPS, FRAMES
from pipeline.demo.pictures import SIDE
from pipeline.errors import LaffError
from pipeline.progress import Bar

SIZES = {"train": 6, "val": 2, "test": 3}


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_collection(tmp_path_factory.mktemp("demo") / "demo", **SIZES)


def test_it_holds_what_its_description_says(description: Path) -> None:
    described = yaml.safe_load(description.read_text())
    assert (described["name"], described["videos"]) == ("demo", "videos")
    every: list[str] = []
    for split, size in SIZES.items():
        ids = (description.parent / described[split]["ids"]).read_text().split()
        lines = (description.parent / described[split]["captions"]).read_text().splitlines()
        assert len(ids) == size
        assert [line.split(" ")[0] for line in lines] == [f"{video}#{number}" for video in ids for number in range(4)]
        assert all(len(line.split()) > 3 for line in lines)
        every += ids
    assert every == [f"demo{number:04d}" for number in range(1, 12)]
    assert {path.stem for path in (description.parent / "videos").iterdir()} == set(every)


def test_its_videos_are_real_ones(description: Path) -> None:
    lengths = set()
    for path in sorted((description.parent / "videos").iterdir()):
        with av.open(str(path)) as container:
            (stream,) = container.streams.video
            frames = list(container.decode(stream))
        assert (stream.codec_context.name, stream.average_rate) == ("h264", FPS)
        assert {(frame.width, frame.height) for frame in frames} == {(SIDE, SIDE)}
        assert FRAMES[0] <= len(frames) <= FRAMES[1]
        lengths.add(len(frames))
    assert len(lengths) > 1


@pytest.mark.parametrize("filled", ["1", "170"])
def test_it_is_the_same_wherever_it_is_made(description: Path, tmp_path: Path, filled: str) -> None:
    """Also where fresh memory holds other bytes: the video encoder reads some of it in its default settings."""
    call = "from pathlib import Path; from pipeline.demo import make_collection; "
    call += f"make_collection(Path('other'), **{SIZES})"
    environment = {**os.environ, "MALLOC_PERTURB_": filled, "PYTHONPATH": str(Path(__file__).parents[3])}
    subprocess.run([sys.executable, "-c", call], cwd=tmp_path, env=environment, check=True)
    other = tmp_path / "other"
    files = sorted(path.relative_to(description.parent) for path in description.parent.rglob("*") if path.is_file())
    assert len(files) == 11 + 3 + 3 + 1
    for path in files:
        assert (description.parent / path).read_bytes() == (other / path).read_bytes(), path


def test_a_finished_one_is_left_as_it_is(description: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in description.parent.rglob("*")}
    bar = Bar("videos", 0, "video")
    assert make_collection(description.parent, **SIZES, bar=bar) == description
    assert {path: path.stat().st_mtime_ns for path in description.parent.rglob("*")} == before
    assert bar.done == 0


def test_an_interrupted_one_is_made_anew_and_progress_is_told(tmp_path: Path) -> None:
    (tmp_path / "demo.partial" / "videos").mkdir(parents=True)
    (tmp_path / "demo.partial" / "videos" / "torn.mp4").write_bytes(b"half")
    bar = Bar("videos", 0, "video")
    table = make_collection(tmp_path / "demo", train=1, val=1, test=1, bar=bar)
    assert (bar.done, bar.total) == (3, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    assert not (table.parent / "videos" / "torn.mp4").exists()


class Interrupting(Bar):
    """A bar that is interrupted at the first video."""

    def advance(self, count: int = 1, note: str = "") -> None:
        raise KeyboardInterrupt


def test_an_interrupt_waits_for_no_more_than_what_is_being_drawn(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        make_collection(tmp_path / "demo", train=100, val=1, test=1, bar=Interrupting("videos", 0, "video"))
    assert 1 <= len(list((tmp_path / "demo.partial" / "videos").iterdir())) < 30
    assert not (tmp_path / "demo").exists()


def test_a_killed_process_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.demo.collection.MOST", 1)
    monkeypatch.setattr("pipeline.demo.collection.write", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    with pytest.raises(LaffError, match=r"drew videos of the demo ended \(signal 9: SIGKILL.*draws them anew"):
        make_collection(tmp_path / "demo", train=1, val=1, test=1)
    assert not (tmp_path / "demo").exists()


def test_other_peoples_folders_are_not_touched(description: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(LaffError, match="something else"):
        make_collection(tmp_path, **SIZES)
    with pytest.raises(LaffError, match="something else"):  # a demo of another size
        make_collection(description.parent, train=7, val=2, test=3)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
