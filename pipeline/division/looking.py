"""Look at video files to divide them into windows, in decoder processes that can be killed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pipeline import progress
from pipeline.division import transnet
from pipeline.division.frames import SmallFrames, small_frames
from pipeline.division.looks import Limits, Look
from pipeline.extraction.decoding import processes
from pipeline.items.windowing import Even, Shots
from pipeline.items.windows import DIGITS, Window
from pipeline.video import reading
from pipeline.workers.killable import Killable, Lost


def check(windowing: Even | Shots) -> None:
    """Raise LaffError where the network that finds shots is not installed."""
    if isinstance(windowing, Shots):
        transnet.check()


def looks(paths: Sequence[str], windowing: Even | Shots, limits: Limits) -> Iterator[Look]:
    """Look at each file. Yields a look a file, in order. Raises LaffError where the network of shots is missing."""
    check(windowing)
    files = [Path(path).absolute() for path in paths]
    count = min(processes(), len(files))
    with Killable(count, limits.timeout, limits.memory) as pool:
        durations = _durations(files, pool)
        yield from durations if isinstance(windowing, Even) else _shots(files, list(durations), pool)


def _durations(files: Sequence[Path], pool: Killable) -> Iterator[Look]:
    with progress.bar("windows", len(files), "video") as bar:
        for probe in pool.imap(reading.probe, files, ahead=64):
            yield Look(failed=probe.reason) if isinstance(probe, Lost) else Look(seconds=probe.seconds)
            bar.advance()


def _shots(files: Sequence[Path], durations: Sequence[Look], pool: Killable) -> Iterator[Look]:
    """Find the shots of the files that can be read. The time limit grows by the longest file's duration."""
    network = transnet.TransNet()
    pool.timeout += max(look.seconds for look in durations)
    sound = [file for file, look in zip(files, durations, strict=True) if not look.failed]
    every = pool.imap(small_frames, sound)  # few at a time: an hour takes 350 MB
    with progress.bar("shots", len(files), "video") as bar:
        for look in durations:
            if look.failed:
                yield look
            elif isinstance(frames := next(every), Lost):
                yield Look(failed=frames.reason)
            else:
                yield Look(shots=tuple(shots(frames, network.transitions(frames.pictures))))
            bar.advance()


def shots(frames: SmallFrames, transitions: np.ndarray) -> list[Window]:
    """The shots of a video by their times. Each bound is cut to milliseconds, so that no frame changes sides."""
    times = np.append(frames.times, frames.end)
    cut = np.floor(times * 10**DIGITS + 1e-6) / 10**DIGITS
    cut[-1] = np.ceil(frames.end * 10**DIGITS - 1e-6) / 10**DIGITS
    return [Window(float(cut[first]), float(cut[last + 1])) for first, last in transnet.scenes(transitions)]
