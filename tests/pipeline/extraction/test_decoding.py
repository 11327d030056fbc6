"""Decoder processes of a worker: how many, how far ahead, from when, until when."""

from __future__ import annotations

import os
import subprocess
import sys
import time
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
    decoders = Decoders()
    assert decoders._pool is None
    for _ in range(2):
        frames, none = decoders.frames(job)
        assert isinstance(frames, Frames)
        assert abs(float(frames.arrays[0].mean()) - 60) < 4
        assert none is None
        pool = decoders._pool
        assert pool is not None
        assert pool is decoders.pool(5.0, 1.0)
        assert (pool.timeout, pool.memory) == (5.0, 1.0)
        decoders.close()
        assert decoders._pool is None
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
