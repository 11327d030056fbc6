"""Decoder processes of a worker: how many, how far ahead, from when, until when."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from extractors.base import Sampling
from pipeline.errors import LaffError
from pipeline.extraction import decoding
from pipeline.extraction.decoding import Clip, Decoders, Pass
from pipeline.extraction.target import Target
from pipeline.video.reading import Frames
from pipeline.workers.killable import Killable, Lost

ROOT = Path(__file__).resolve().parents[3]


def gone(process: int) -> bool:
    """Whether a process ends, or is a zombie nobody has collected, within ten seconds."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def work(clips: list[Clip], sampling: Sampling) -> Pass:
    part = SimpleNamespace(sampling=sampling)
    target = Target("mean", "00000.h5", Path("00000.h5"), part, "print", "content", {}, "cpu", 4, "float32")
    return Pass(clips, [target], 1, 60.0, 4.0)


@pytest.mark.parametrize(("given", "count"), [("3", 3), ("1", 1)])
def test_the_number_of_decoders_can_be_said(monkeypatch: pytest.MonkeyPatch, given: str, count: int) -> None:
    monkeypatch.setenv("LAFF_DECODERS", given)
    assert decoding.processes() == Decoders().count == count


def test_else_there_is_one_for_each_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAFF_DECODERS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3, 5})
    assert Decoders().count == 3


@pytest.mark.parametrize("given", ["0", "-1", "many"])
def test_a_number_of_decoders_that_is_none(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("LAFF_DECODERS", given)
    with pytest.raises(LaffError, match=f"LAFF_DECODERS is '{given}'; it should be a number of processes"):
        Decoders()


def test_how_many_videos_are_ahead_counts_all_views(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAFF_DECODERS", "2")
    monkeypatch.setattr(decoding, "QUEUE", 5 * 2 * 3 * 4 * 16 * 16 * 3)  # five videos
    assert Decoders().ahead(work([], Sampling(4, 16, 16, clips=2, crops=3, stride=1))) == 5


def test_processes_start_when_they_are_needed_and_again_after_the_end(
    clips: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAFF_DECODERS", "1")
    path = clips("grey.mp4", np.full((6, 32, 32, 3), 60, np.uint8))
    job = work([Clip("grey", str(path), 6, 10.0), Clip("lost", "", lost=True)], Sampling(2, 16, 16))
    started: list[Killable] = []

    def start(count: int, timeout: float, memory: float) -> Killable:
        started.append(Killable(count, timeout, memory))
        return started[-1]

    monkeypatch.setattr(decoding, "Killable", start)
    decoders = Decoders()
    for number in range(2):
        assert len(started) == number
        frames, none = decoders.frames(job)
        assert isinstance(frames, Frames)
        assert abs(float(frames.arrays[0].mean()) - 60) < 4
        assert none is None
        (pool,) = started[number:]
        assert pool is decoders.pool(5.0, 1.0)
        assert (pool.timeout, pool.memory) == (5.0, 1.0)
        decoders.close()
        with pytest.raises(RuntimeError, match="only inside its `with` block"):
            pool.imap(str, [1])


def test_decoders_begin_with_what_follows_when_half_of_a_pass_is_left(
    clips: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where that is told late; and they leave what nobody asks for in its turn."""
    monkeypatch.setenv("LAFF_DECODERS", "1")
    path = clips("grey.mp4", np.full((6, 32, 32, 3), 60, np.uint8))
    one = [Clip("grey", str(path), 6, 10.0)]
    first, second, third = (work(one * 4, Sampling(2, 16, 16)) for _ in range(3))
    decoders = Decoders()
    first.following = second
    begun = []
    for frames in decoders.frames(first):
        assert isinstance(frames, Frames)
        begun.append(decoders.begun is not None and decoders.begun[0] is second)
    assert begun == [False, False, True, True]
    for count, _ in enumerate(decoders.frames(second), 1):
        second.following = third if count == 3 else None
    assert decoders.begun is not None
    assert decoders.begun[0] is third
    assert len(list(decoders.frames(first))) == 4
    assert decoders.begun is not None
    assert decoders.begun[0] is second
    decoders.close()
    assert decoders.begun is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_decoders_end_with_a_process_that_does_not_close_them() -> None:
    """At once, and without a word, whether they wait or work."""
    script = (
        "import os, time; from pipeline.extraction.decoding import Decoders; pool = Decoders().pool(60.0, 4.0)\n"
        "print(*pool.imap(abs, [-1, -2, -3]), [worker.process.pid for worker in pool._workers if worker])\n"
        "busy = pool.imap(time.sleep, [0.0, 600.0])\nnext(busy)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "LAFF_DECODERS": "2"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    values, _, processes = done.stdout.strip().partition(" [")
    assert values == "1 2 3"
    for process in processes.rstrip("]").split(", "):
        assert gone(int(process))


def test_a_decoder_imports_no_torch_and_no_hdf5() -> None:
    code = "import sys, pipeline.extraction.decoding; sys.exit(bool({'torch', 'h5py', 'tqdm'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


# Windows.


@pytest.fixture
def film(clips: Any) -> Path:
    """Ten seconds at 10 fps, frame k as light as 2 k."""
    path: Path = clips("film.mp4", np.arange(100, dtype=np.uint8).repeat(3 * 1024).reshape(100, 32, 32, 3) * 2)
    return path


def parts(film: Path, count: int, seconds: float = 1.0, stride: float = 0.5) -> list[Clip]:
    bounds = [(n * stride, n * stride + seconds) for n in range(count)]
    return [Clip(f"v@{n}", str(film), 10, 10.0, 0, "", 0, n == 3, *bounds[n]) for n in range(count)]


def rows(decoders: Decoders, job: Pass) -> list[list[int] | str | None]:
    """Of each clip the lightness of its frames, or why there are none."""
    numbers: list[list[int] | str | None] = []
    for one in decoders.frames(job):
        if isinstance(one, Frames):
            numbers.append([round(float(frame.mean()) / 2) for frame in one.arrays[0][0]])
        else:
            numbers.append(one.reason if one else None)
    return numbers


@pytest.mark.parametrize("size", [1, 3, 100])
def test_windows_are_read_in_groups_and_give_the_same(film: Path, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAFF_DECODERS", "1")
    monkeypatch.setattr(decoding, "GROUP", (0, size * 2 * 16 * 16 * 3))
    whole, others = Clip("v", str(film), 100, 10.0), parts(film, 8)
    job = work([*others, whole, *others[:2], Clip("w@0", str(film) + "x", start=1.0, end=2.0)], Sampling(2, 16, 16))
    decoders = Decoders()
    groups = [len(one.clips) for one in decoders.jobs(job)]
    assert groups == {1: [1] * 11, 3: [3, 3, 1, 1, 2, 1], 100: [7, 1, 2, 1]}[size]  # the lost one is not read
    results = rows(decoders, job)
    decoders.close()
    for got, n in zip(results[:8], range(8), strict=True):
        if n == 3:
            assert got is None
        else:  # of ten frames from 5 n on, 2.5 and 7.5 behind the first
            assert got == pytest.approx([5 * n + 2, 5 * n + 7], abs=1)
    assert results[8] == pytest.approx([25, 75], abs=1)
    assert results[9:11] == results[:2]
    assert results[11] == "there is no such file"


def test_groups_of_windows_are_bounded_by_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAFF_DECODERS", "7")
    each = 2 * 16 * 16 * 3
    job = work(parts(Path("film.mp4"), 101), Sampling(2, 16, 16))  # one is lost
    monkeypatch.setattr(decoding, "GROUP", (10 * each, 50 * each))
    for queue, size in ((8 * 20 * each, 20), (8 * 90 * each, 50), (8 * each, 10)):
        monkeypatch.setattr(decoding, "QUEUE", queue)
        assert [len(one.clips) for one in Decoders().jobs(job)] == [size] * (100 // size)
    monkeypatch.setattr(decoding, "QUEUE", 500 * each)
    assert Decoders().ahead(job) == 10  # jobs of 50


def test_windows_have_the_time_of_the_video_that_is_read_for_them() -> None:
    whole = decoding.Job([Clip("v", "v.mp4", 10**6, 25.0)])
    assert whole.longer == 1
    for end, times in ((200.0, 1.0), (600.0, 2.0), (3000.0, 10.0), (1e9, decoding.LONGEST)):
        assert decoding.Job([Clip("a", "v.mp4", start=1.0), Clip("b", "v.mp4", start=2.0, end=end)]).longer == times
    # What decode has counted says where a window ends in truth.
    assert decoding.Job([Clip("a", "v.mp4", 250, 25.0, start=590.0)]).longer == 2
    assert decoding.Job([Clip("a", "v.mp4", 250, 25.0, start=590.0, end=1e9)]).longer == 2


class Pool:
    """Answers at once: windows whose id is in `bad` are lost with all that are read with them."""

    def __init__(self, bad: dict[str, str]) -> None:
        self.bad, self.asked = bad, list[list[str]]()

    def imap(self, function: Any, jobs: list[decoding.Job], ahead: int = 0, longer: Any = None) -> Iterator[Any]:
        for job in jobs:
            self.asked.append([clip.id for clip in job.clips])
            bad = [self.bad[clip.id] for clip in job.clips if clip.id in self.bad]
            yield Lost(f"{bad[0]}!", bad[0]) if bad else function(job)


def served(bad: dict[str, str], count: int, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], Pool]:
    monkeypatch.setenv("LAFF_DECODERS", "1")
    pool, decoders = Pool(bad), Decoders()
    monkeypatch.setattr(decoders, "pool", lambda *limits: pool)
    job = decoding.Job([Clip(str(n), "v.mp4", start=float(n), end=n + 1.0) for n in range(count)])

    def ids(job: decoding.Job) -> list[str]:
        return [clip.id for clip in job.clips]

    (group,) = pool.imap(ids, [job])
    return decoders.served(ids, job, group, (1.0, 1.0)), pool


def test_what_kills_a_group_costs_its_own_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    results, pool = served({"1": "Crash", "2": "Timeout", "4": "Memory"}, 6, monkeypatch)
    assert results == ["0", Lost("Crash!", "Crash"), Lost("Timeout!", "Timeout"), "3", Lost("Memory!", "Memory"), "5"]
    assert pool.asked == [list("012345"), *([number] for number in "012345")]
    assert served({}, 3, monkeypatch)[0] == ["0", "1", "2"]


def test_a_file_that_cannot_be_read_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    results, pool = served({"1": "VideoError"}, 3, monkeypatch)
    assert results == [Lost("VideoError!", "VideoError")] * 3
    assert len(pool.asked) == 1


def test_a_file_that_hangs_for_ever_costs_some_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    results, pool = served({str(n): "Timeout" for n in range(2, 30)}, 30, monkeypatch)
    assert results == ["0", "1", *[Lost("Timeout!", "Timeout")] * 28]
    assert len(pool.asked) == 1 + 2 + decoding.HANGING
