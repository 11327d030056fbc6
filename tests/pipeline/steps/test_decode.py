"""A look at videos: what the shard says of each; what counts as failed, such as files that are none; what is noted."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from PIL import Image

from pipeline.errors import LaffError
from pipeline.extraction.decoding import Clip, Decoders
from pipeline.extraction.target import Target
from pipeline.plan import steps
from pipeline.plan.plan import stage_plan
from pipeline.rows import shards
from pipeline.steps.decode import Look, Options, look
from pipeline.store import ledger
from pipeline.video.reading import probe
from pipeline.workers.tasks import Made
from pipeline.workers.worker import Worker

GRAPH = """
stages:
  ingest: {step: ingest}
  decode: {step: decode, from: ingest}
"""


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    monkeypatch.setenv("LAFF_DECODERS", "1")
    result = Worker()
    yield result
    result.close()


@pytest.fixture
def videos(clips: Any) -> list[Clip]:
    """Matroska files of 40 frames of noise at 10 fps: whole, cut off at about 80 % and at 30 %."""
    listed = []
    for name, share in (("whole", 1.0), ("most", 0.8), ("few", 0.3)):
        path = clips(f"{name}.mkv", np.random.default_rng(0).integers(0, 256, (40, 64, 64, 3), dtype=np.uint8))
        content = path.read_bytes()
        path.write_bytes(content[: round(share * len(content))])
        listed.append(Clip(name, str(path)))
    return listed


def looked(videos: list[Clip], worker: Worker, folder: Path, least: float) -> tuple[Made, Path]:
    path = folder / "00000.h5"
    target = Target("decode", path.name, path, None, "print", "content", {}, "cpu", 1, "int64")
    return look(Look(videos, target, 60.0, 4.0, least), worker), path


def test_a_video_that_was_cut_off_is_noted_or_failed(videos: list[Clip], worker: Worker, tmp_path: Path) -> None:
    result, path = looked(videos, worker, tmp_path, 0.5)
    assert (result.rows, shards.read(path).ids) == (2, ["whole", "most"])
    packets, expected = (shards.column(path, name).tolist() for name in ("packets", "expected"))
    assert packets[0] == expected[0] == 40
    assert 20 <= packets[1] < 36
    assert 36 <= expected[1] <= 40
    assert shards.column(path, "expected_by").tolist() == ["its packets", "the container's duration"]
    ((failed,), (noted,)) = result.failed, result.notes
    assert (failed["video"], failed["stage"], failed["exception"]) == ("few", "decode", "Incomplete")
    assert failed["reason"].startswith("too little is there: ")
    assert "decode.least" in failed["reason"]
    assert noted["video"] == "most"
    assert f"used, but the file lacks frames: there are {packets[1]} of {expected[1]} frames" in noted["reason"]
    marks = shards.marks(path)
    assert marks is not None
    assert (marks["failed"], marks["notes"]) == ([failed], [noted])


def test_the_limit_is_a_setting(videos: list[Clip], worker: Worker, tmp_path: Path) -> None:
    result, _ = looked(videos, worker, tmp_path, 0.0)
    assert (result.rows, result.failed) == (3, [])
    assert [line["video"] for line in result.notes] == ["most", "few"]
    result, path = looked([videos[n] for n in (1, 0, 2)], worker, tmp_path, 1.0)
    assert [line["video"] for line in result.failed] == ["most", "few"]
    assert shards.read_members(path) == ["most", "whole", "few"]
    for wrong in (-0.1, 1.5):
        with pytest.raises(LaffError, match=f"least is {wrong}"):
            Options(least=wrong)


def test_where_header_and_packets_disagree_stands_in_the_shard(clips: Any, worker: Worker, tmp_path: Path) -> None:
    path = clips("a.mkv", np.zeros((10, 32, 32, 3), np.uint8))
    content = path.read_bytes()
    default = bytes([0x23, 0xE3, 0x83, 0x84]) + (100_000_000).to_bytes(4, "big")  # nanoseconds of a frame
    assert default in content
    path.write_bytes(content.replace(default, default[:4] + (50_000_000).to_bytes(4, "big")))
    _, shard = looked([Clip("v", str(path))], worker, tmp_path, 0.5)
    assert shards.column(shard, "note").tolist() == ["the header says 20 frames a second, the packets 10"]
    assert shards.column(shard, "fps").tolist() == [10.0]


def test_a_video_whose_times_jump_is_noted(clips: Any, worker: Worker, tmp_path: Path) -> None:
    """Two recordings of a second, one behind the other, as `cat` joins them."""
    path = clips("a.ts", np.zeros((10, 32, 32, 3), np.uint8))
    path.write_bytes(2 * path.read_bytes())
    result, shard = looked(
        [Clip("v", str(path)), Clip("w", str(clips("b.ts", np.zeros((10, 32, 32, 3), np.uint8))))],
        worker,
        tmp_path,
        0.5,
    )
    (noted,) = result.notes
    assert (noted["video"], noted["exception"]) == ("v", ledger.JUMPS)
    assert noted["reason"] == "used, but its times jump, so only typical steps between packets count"
    assert shards.column(shard, "fps").tolist() == pytest.approx([10, 10])
    assert shards.column(shard, "seconds").tolist() == pytest.approx([2, 1], abs=0.001)


def test_files_that_are_no_videos(collect: Callable[..., Path], surroundings: Callable, tmp_path: Path):
    path = collect(train={"gone": ["one"], "broken": ["two"], "picture": ["three"], "private": ["four"]})
    videos = tmp_path / "videos"
    for name in ("gone", "broken", "picture", "private"):
        (videos / f"{name}.mp4").unlink()
    (videos / "broken.mp4").symlink_to(".git/annex/broken.mp4")
    Image.new("RGB", (32, 32)).save(videos / "picture.png")
    (videos / "private.mp4").write_text("user:password")
    context = surroundings(path, (), GRAPH)
    steps.module(context.stage("decode")).run(context, stage_plan(context, "decode"))
    reasons = {line["video"]: line["reason"] for line in ledger.read(context.work.ledger)}
    assert reasons["gone"] == "there is no such file"
    assert reasons["broken"].startswith("is a link to nothing: .git/annex/broken.mp4 is not here")
    assert reasons["picture"] == "is a still picture (PNG), not a video"
    assert reasons["private"].endswith("not a video, or damaged at its beginning")
    assert context.failed("decode") == {"gone", "broken", "picture", "private", "val0", "test0"}
    Image.new("RGB", (32, 32)).save(videos / "gone.gif")  # it comes: its shard is to be made again
    assert stage_plan(surroundings(path, (), GRAPH), "decode").todo


def test_a_lost_table_leaves_finished_shards_finished(collect: Callable[..., Path], surroundings: Callable) -> None:
    """Also where the lists were put into another order since: a shard tells where its failed videos stood."""
    context = surroundings(collect(train={"b": ["two"], "a": ["one"]}), (), GRAPH)
    steps.module(context.stage("decode")).run(context, stage_plan(context, "decode"))
    assert context.failed("decode") == {"a", "b", "val0", "test0"}
    path = collect(train={"a": ["one"], "b": ["two"]})
    assert stage_plan(surroundings(path, (), GRAPH), "decode").todo == []
    context.work.table.unlink()
    assert stage_plan(surroundings(path, (), GRAPH), "decode").todo == []


def test_windows_of_a_file_are_looked_at_together(
    clips: Any, worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = np.arange(40, dtype=np.uint8).repeat(3 * 4096).reshape(40, 64, 64, 3) * 6  # four seconds
    path = str(clips("film.mkv", frames))
    bounds = {"a": (0.0, 2.0), "b": (1.0, 3.0), "behind": (4.0, 6.0), "c": (3.0, 7.0), "d": (3.5, float("inf"))}
    parts = [Clip(name, path, start=start, end=end) for name, (start, end) in bounds.items()]
    gone = Clip("gone", str(tmp_path / "gone.mkv"), start=1.0)
    jobs: list[int] = []
    pool = worker.kept(Decoders).pool(60.0, 4.0)
    imap = pool.imap

    def counted(function: Any, given: Any, *more: Any) -> Any:
        jobs.extend(len(job.clips) for job in given)
        return imap(function, given, *more)

    monkeypatch.setattr(pool, "imap", counted)
    result, shard = looked([*parts, Clip("whole", path), gone], worker, tmp_path, 0.5)
    assert jobs == [5, 1, 1]
    assert shards.read(shard).ids == ["a", "b", "c", "d", "whole"]
    assert {line["video"]: line["reason"] for line in result.failed} == {
        "behind": "the window begins at 4 s, but the video lasts 4 s",
        "gone": "there is no such file",
    }
    assert [(line["video"], line["reason"]) for line in result.notes] == [
        ("c", "used as far as it goes: the window ends at 7 s, but the video lasts 4 s")
    ]
    columns = {name: shards.column(shard, name).tolist() for name in ("packets", "expected", "seconds", "start", "end")}
    assert columns["packets"] == columns["expected"] == [20, 20, 10, 5, 40]
    assert columns["seconds"] == pytest.approx([2, 2, 1, 0.5, 4])
    assert columns["start"] == [0, 1, 3, 3.5, 0]
    assert columns["end"] == [2, 3, 7, float("inf"), float("inf")]
    jpegs, starts = (shards.column(shard, name) for name in ("thumbnails", "thumbnail_starts"))
    pictures = [Image.open(io.BytesIO(jpegs[a:b].tobytes())) for a, b in pairwise(starts)]
    levels = [float(np.asarray(picture).mean()) / 6 for picture in pictures]  # 12 frames make a group
    assert levels[0] == pytest.approx(0, abs=1)
    assert levels[4] == pytest.approx(0, abs=1)
    for level, (first, last) in zip(levels[1:4], [(10, 29), (30, 39), (35, 39)], strict=True):
        assert first - 1 <= level <= last + 1


def test_shards_of_whole_videos_say_nothing_of_windows(videos: list[Clip], worker: Worker, tmp_path: Path) -> None:
    _, path = looked(videos, worker, tmp_path, 0.5)
    with h5py.File(path) as file:
        assert not {"start", "end"} & set(file)


def test_windows_behind_the_cut_of_a_file_are_missed(videos: list[Clip], worker: Worker, tmp_path: Path) -> None:
    """Of four seconds some 80 % are there: windows that the cut takes 4 of 10 frames from, 6 of 10, or all."""
    path = videos[1].path
    packets = probe(Path(path)).packets
    starts = [0.0, packets / 10 - 0.6, packets / 10 - 0.4, packets / 10 + 0.1]
    parts = [Clip(str(n), path, start=start, end=start + 1.0) for n, start in enumerate(starts)]
    result, shard = looked(parts, worker, tmp_path, 0.5)
    assert shards.read(shard).ids == ["0", "1"]
    assert [shards.column(shard, name).tolist() for name in ("packets", "expected")] == [[10, 6], [10, 10]]
    half, behind = result.failed
    assert half["reason"].startswith("too little is there: 4 of 10 frames (40 %), counted by the container's duration")
    assert behind["reason"].startswith("the window begins at ")
    assert [line["video"] for line in result.notes if "lacks frames: there are 6 of 10" in line["reason"]] == ["1"]
