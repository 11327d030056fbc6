"""Passes one behind the other: what overlaps, what waits for what, who is told what went wrong, what is left behind."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from extractors.base import Sampling
from pipeline.devices.device import Device
from pipeline.devices.worker_devices import Devices
from pipeline.errors import LaffError
from pipeline.extraction import decoding
from pipeline.extraction import sweep as sweeping
from pipeline.extraction.decoding import Clip, Decoders, Pass
from pipeline.extraction.stream import Stream
from pipeline.extraction.sweep import sweep
from pipeline.extraction.target import Target
from pipeline.rows import shards
from pipeline.video.reading import Frames
from pipeline.workers.killable import Killable
from pipeline.workers.tasks import Serial
from pipeline.workers.worker import Worker

LONG = 30.0  # seconds that a test waits for what should come at once


class Mean:
    """Mean of all values, D = 1; `watch` is called with each batch's first mean when its forward begins."""

    sides = ("video",)
    dim = 1
    sampling = Sampling(frames=2, size=16, crop=16)

    def __init__(self, watch: Callable[[int], Any] | None = None) -> None:
        self.watch = watch

    def extract(self, frames: torch.Tensor) -> torch.Tensor:
        means = frames.float().flatten(1).mean(1, keepdim=True)
        if self.watch is not None:
            self.watch(int(means[0, 0]))
        return means


class Asynchronous(Device):
    """As a GPU: a forward returns when it has begun; its values are there when `ready` says so."""

    def __init__(self, ready: Callable[[int], Any] = lambda value: None) -> None:
        super().__init__()
        self.ready = ready
        self.taken: list[torch.Tensor] = []
        self._begin = threading.Lock()

    def lanes(self, threads: int) -> tuple[int, int]:
        return 2, 0

    def begin_lock(self) -> threading.Lock:
        return self._begin

    def memory(self, shape: Any) -> torch.Tensor:
        self.taken.append(super().memory(shape))
        return self.taken[-1]

    def send(self, values: torch.Tensor) -> torch.Tensor:
        return values.clone()

    def copies_done(self) -> bool:
        return True

    def fetch(self, values: torch.Tensor) -> Callable[[], np.ndarray]:
        def wait() -> np.ndarray:
            self.ready(int(values[0, 0]))
            return values.numpy()

        return wait


class Reader(Killable):
    """Threads that hand over frames full of the number in a path, at once; for a path that begins with x nothing."""

    def __init__(self) -> None:
        super().__init__(2, 60.0)
        self.read = 0
        self.gate = threading.Event()
        self.gate.set()

    def _attempt(self, slot: int, job: bytes, limits: Any) -> Any:
        _, given = pickle.loads(job)
        samplings, (clip,) = given.samplings, given.clips
        self.gate.wait(LONG)
        if not self._open:
            raise LaffError("the decoder processes were ended while they worked")
        arrays = [np.full((s.views, s.frames, s.crop, s.crop, 3), int(clip.path), np.uint8) for s in samplings]
        self.read += 1
        return [Frames(arrays, 1, 10.0, 1, [s.views * s.frames for s in samplings], [1] * len(samplings))]


@pytest.fixture
def reader(serial: Serial, monkeypatch: pytest.MonkeyPatch) -> Reader:
    """Takes the place of the decoder processes; two of them, so 32 videos at most are ahead."""
    decoders = serial.worker.kept(Decoders)
    decoders.count = 2
    pool = Reader()
    monkeypatch.setattr(decoding, "Killable", lambda *limits: pool)
    return pool


def asynchronous(serial: Serial, ready: Callable[[int], Any] = lambda value: None) -> Asynchronous:
    """A device that stands in the place of the CPU."""
    device = serial.worker.kept(Devices).by_name["cpu"] = Asynchronous(ready)
    return device


def job(folder: Path, values: range, *parts: Any, batch: int = 2) -> Pass:
    """A shard of videos that show these values, for each part a target."""
    targets = [
        Target(
            f"mean{number}-{folder.name}",
            "00000.h5",
            folder / str(number) / "00000.h5",
            part,
            "print",
            "content",
            {},
            "cpu",
            batch,
            "float32",
        )
        for number, part in enumerate(parts)
    ]
    return Pass([Clip(f"v{value}", str(value)) for value in values], targets, 1, 60.0, 4.0)


def values(folder: Path, number: int = 0) -> dict[str, float]:
    shard = shards.read(folder / str(number) / "00000.h5")
    return dict(zip(shard.ids, shard.values[:, 0].tolist(), strict=True))


def threads() -> list[str]:
    """Names of the threads of passes that live."""
    return [t.name for t in threading.enumerate() if t.name.startswith(("stream", "forward"))]


def eventually(true: Callable[[], bool]) -> bool:
    until = time.monotonic() + LONG
    while not true() and time.monotonic() < until:
        time.sleep(0.01)
    return true()


def test_the_next_forward_has_begun_when_the_values_of_one_come(serial: Serial, reader: Reader, tmp_path: Path) -> None:
    """So its batch was filled and sent meanwhile: a device that ends one has the next at hand."""
    begun = {value: threading.Event() for value in range(0, 20, 2)}
    late = []

    def ready(value: int) -> None:
        if value + 2 in begun and not begun[value + 2].wait(LONG):
            late.append(value + 2)

    asynchronous(serial, ready)
    a, b = (job(tmp_path / name, of, Mean(lambda value: begun[value].set())) for name, of in shards_ab())
    assert [finished[0].rows for finished in serial.each(sweep, [a, b])] == [10, 10]
    assert late == []  # nor was it the first of the next shard, at the end of one
    assert values(tmp_path / "a") == {f"v{n}": n for n in range(10)}
    assert values(tmp_path / "b") == {f"v{n}": n for n in range(10, 20)}


def shards_ab() -> list[tuple[str, range]]:
    return [("a", range(10)), ("b", range(10, 20))]


def test_a_device_does_not_pause_between_shards_of_one_batch(serial: Serial, reader: Reader, tmp_path: Path) -> None:
    """While one computes, the next one's forward is begun, and the batch of a third is full but for its last video."""
    late: list[int] = []
    stream = serial.worker.kept(Stream)

    def third_is_filled() -> bool:
        return len(stream._begun) > 2 and stream._begun[2].steps.qsize() >= 9

    def ready(value: int) -> None:
        if value < 20 and not eventually(third_is_filled):
            late.append(value)

    asynchronous(serial, ready)
    passes = [(name, range(at, at + 10)) for at, name in zip(range(0, 40, 10), "abcd", strict=True)]
    jobs = [job(tmp_path / name, of, Mean(), batch=10) for name, of in passes]
    assert [finished[0].rows for finished in serial.each(sweep, jobs)] == [10] * 4
    assert late == []
    assert values(tmp_path / "d") == {f"v{n}": n for n in range(30, 40)}


@pytest.mark.parametrize("pretended", [True, False])
def test_a_shard_is_written_while_the_next_is_computed(
    serial: Serial, reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pretended: bool
) -> None:
    begun, order = threading.Event(), []
    write = shards.write

    def slow(path: Path, *given: Any, **more: Any) -> None:
        if path.is_relative_to(tmp_path / "a"):
            order.append("a is being written")
            assert begun.wait(LONG)
        write(path, *given, **more)
        order.append(f"{path.parent.parent.name} is there")

    monkeypatch.setattr(sweeping.shards, "write", slow)
    if pretended:
        asynchronous(serial)
    a = job(tmp_path / "a", range(10), Mean())
    b = job(tmp_path / "b", range(10, 20), Mean(lambda value: begun.set()))
    for finished, name in zip(serial.each(sweep, [a, b]), "ab", strict=True):
        assert finished[0].rows == 10
        order.append(f"{name} is done")
    assert order == ["a is being written", "a is there", "a is done", "b is there", "b is done"]


def test_decoders_wait_for_a_device_that_is_slow(serial: Serial, reader: Reader, tmp_path: Path) -> None:
    """Two batches are on the device, one is full, and the queue, the last of them taken out: no frame more."""
    gate = threading.Event()
    device = asynchronous(serial, lambda value: gate.wait(LONG))
    work = job(tmp_path / "a", range(200), Mean(), batch=5)
    ahead = serial.worker.kept(Decoders).ahead(work)
    assert ahead == 32
    done = threading.Thread(target=lambda: list(serial.each(sweep, [work])))
    done.start()
    assert eventually(lambda: reader.read == ahead + 3 * 5 - 1)
    time.sleep(0.2)
    assert reader.read == ahead + 3 * 5 - 1
    gate.set()
    done.join(LONG)
    assert values(tmp_path / "a") == {f"v{n}": n for n in range(200)}
    assert len(device.taken) <= 3  # of 40 batches; two where copies are in time
    assert not any(device.take(1, device.taken[0].shape[1:]) is one for one in device.taken[:-1])  # nothing follows


def test_features_on_one_device_share_it(serial: Serial, reader: Reader, tmp_path: Path) -> None:
    """Each batch when it is full: none waits until another feature is through."""
    order: list[str] = []
    parts = [Mean(lambda value, name=name: order.append(name)) for name in "xy"]
    asynchronous(serial)
    (finished,) = serial.each(sweep, [job(tmp_path / "a", range(40), *parts)])
    assert [one.rows for one in finished] == [40, 40]
    assert values(tmp_path / "a", 0) == values(tmp_path / "a", 1) == {f"v{n}": n for n in range(40)}
    for count in range(len(order)):  # two at a time may change places
        assert abs(order[:count].count("x") - order[:count].count("y")) <= 3


def test_what_goes_wrong_is_raised_at_its_shard_and_the_one_before_is_kept(
    serial: Serial, reader: Reader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = threading.Event()

    def refuse(value: int) -> None:
        failed.set()
        raise ValueError("no such frames")

    write = shards.write
    monkeypatch.setattr(sweeping.shards, "write", lambda *given, **more: (failed.wait(LONG), write(*given, **more)))
    jobs = [job(tmp_path / "a", range(4), Mean()), job(tmp_path / "b", range(4), Mean(refuse))]
    results = serial.each(sweep, [*jobs, job(tmp_path / "c", range(4), Mean())])
    assert next(results)[0].rows == 4
    with pytest.raises(LaffError, match="mean0-b: no such frames"):
        next(results)
    serial.close()
    assert values(tmp_path / "a") == {f"v{n}": n for n in range(4)}
    assert not (tmp_path / "b").exists()
    assert not (tmp_path / "c").exists()
    assert threads() == []


@pytest.mark.parametrize("decoding", [False, True])
def test_a_run_that_is_left_leaves_no_thread(serial: Serial, reader: Reader, tmp_path: Path, decoding: bool) -> None:
    """By Ctrl-C while it waits for a shard, whether the stream waits for a video or for the device."""
    reached = threading.Event()
    work = [job(tmp_path / name, range(100), Mean(lambda value: reached.set())) for name in "ab"]

    class Interrupting:
        """A bar: Ctrl-C comes at its first step."""

        def advance(self, count: int) -> None:
            reached.wait(LONG)
            if decoding:
                reader.gate.clear()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(serial.each(sweep, work, Interrupting()))  # type: ignore[arg-type]
    closing = threading.Thread(target=serial.close)
    closing.start()
    time.sleep(0.1)
    reader.gate.set()  # a process would have been killed
    closing.join(LONG)
    assert threads() == []
    assert not (tmp_path / "a").exists()


def test_a_pass_that_was_begun_and_is_not_asked_for_is_dropped(serial: Serial, reader: Reader, tmp_path: Path) -> None:
    jobs = [job(tmp_path / name, range(4), Mean()) for name in "abc"]
    for _ in serial.each(sweep, jobs):
        break
    (finished,) = serial.each(sweep, [job(tmp_path / "d", range(7, 20), Mean())])
    assert finished[0].rows == 13
    assert values(tmp_path / "d") == {f"v{n}": n for n in range(7, 20)}
    assert not (tmp_path / "b").exists()


def test_a_pass_that_waits_in_line_is_begun_too(serial: Serial, reader: Reader, tmp_path: Path) -> None:
    """As on a dask worker with two threads: which comes next shows when it is there."""
    begun, first = threading.Event(), threading.Event()
    asynchronous(serial, lambda value: first.set() or (value == 8 and begun.wait(LONG)))
    a = job(tmp_path / "a", range(10), Mean())
    b = job(tmp_path / "b", range(10, 20), Mean(lambda value: begun.set()))
    reader.gate.clear()
    pair = [threading.Thread(target=serial.worker.do, args=(sweep, one, None)) for one in (a, b)]
    for number, thread in enumerate(pair):
        thread.start()
        assert eventually(lambda number=number: len(serial.worker._line) == number + 1)
    assert a.following is b
    assert not first.is_set()
    reader.gate.set()  # the last values of a come when a forward of b has begun
    for thread in pair:
        thread.join(2 * LONG)
    assert begun.is_set()
    assert values(tmp_path / "a") == {f"v{n}": n for n in range(10)}
    assert values(tmp_path / "b") == {f"v{n}": n for n in range(10, 20)}


def test_a_stream_without_a_pass_closes() -> None:
    worker = Worker()
    worker.kept(Stream)
    worker.close()
    assert threads() == []


def test_a_pass_that_never_ran_is_not_waited_for(serial: Serial, tmp_path: Path) -> None:
    """The worker is closed by another thread, as dask's are, while a pass waits in line."""
    stream, ended = serial.worker.kept(Stream), threading.Event()
    busy = threading.Event()
    stream._thread.submit(busy.wait, LONG)  # what stands before it

    def ask() -> None:
        with pytest.raises(CancelledError):
            stream.done(job(tmp_path / "a", range(4), Mean()), serial.worker)
        ended.set()

    asking = threading.Thread(target=ask)
    asking.start()
    assert eventually(lambda: len(stream._begun) == 1)
    begun = stream._begun[0]
    closing = threading.Thread(target=stream.close)
    closing.start()
    assert eventually(begun.fed.cancelled)
    busy.set()
    closing.join(LONG)
    if not ended.wait(2):
        begun.steps.put(None)
        pytest.fail("it waits for a pass that was cancelled")
    asking.join(LONG)


def test_videos_count_for_the_job_that_they_are_of(serial: Serial, reader: Reader, tmp_path: Path) -> None:
    """Also those that went by while the shard before was written."""
    counts: list[int] = []

    class Bar:
        def advance(self, count: int) -> None:
            counts[-1] += count

    jobs = [job(tmp_path / name, of, Mean()) for name, of in shards_ab()]
    counts.append(0)
    for _ in serial.each(sweep, jobs, Bar()):  # type: ignore[arg-type]
        assert counts[-1] == 10
        counts.append(0)
    assert counts == [10, 10, 0]
