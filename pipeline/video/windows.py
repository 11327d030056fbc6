"""Several windows of a video in one go: each frame is decoded once, however many windows and samplings want it.

A window's frames are chosen as those of a video that has only them, at the rate of the whole. They don't depend on the
other windows that are read with it. What is certain to be had by seeking (`pipeline.video.seeking`) is: from the last
keyframe before each window on. Otherwise the file is decoded from its beginning to the end of the last window, and only
what is wanted is converted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np

from extractors.base import Sampling
from pipeline.video import decord_reader, seeking
from pipeline.video.collecting import Collector
from pipeline.video.decoder import Picture, timed
from pipeline.video.frame_tables import frame_table, starts_of
from pipeline.video.frames import LONG, Frames
from pipeline.video.keyframes import Unsure
from pipeline.video.media import VideoError, opened
from pipeline.video.positions import present, wanted
from pipeline.video.seeking import Timetable
from pipeline.video.spans import FrameTable, Numbering, Span

NEAR = 16  # frames; to seek over fewer than these takes longer than to decode them

Bounds = tuple[float, float]  # seconds since the first frame's appearance: start, and end, which is not part of it
Spans = Mapping[int, Span]  # number of a window -> its frames
Every = Callable[[Path], Iterator[tuple[int | None, Picture]]]  # all frames of a file, and when each says it is shown


@dataclass
class _Pass:
    """The results of one pass over a file for the windows that it serves."""

    arrays: dict[int, list[np.ndarray]]  # of each window, for each Sampling [M, T, crop, crop, 3] uint8
    counts: dict[int, int]  # of each window the frames that came
    lost: dict[int, str] = field(default_factory=dict)  # number of a window -> why it cannot be served


def read(
    path: Path, samplings: Sequence[Sampling], windows: Sequence[Bounds], decoder: str = "pyav"
) -> list[Frames | VideoError]:
    """The frames that samplings want of each window, or why they cannot be had: a damaged part costs its own windows.

    Where a window gives another number of frames than the packets promise, they are chosen anew from those that it
    gives, and the file is decoded again. Raises VideoError where the file cannot be read at all.

    decoder: "pyav", or "decord", which reads the file in sequence always.
    """
    path = Path(path).absolute()
    table = frame_table(path)
    if decoder == "decord" and (count := decord_reader.count(path)) != len(table.times):
        table = table.by_order(count)
    spans: dict[int, Span] = {}
    results: dict[int, Frames | VideoError] = {}
    for number, bounds in enumerate(windows):
        try:
            spans[number] = table.span(*bounds)
        except VideoError as error:
            results[number] = error
    if decoder == "pyav":
        results |= _sought(path, samplings, spans, table)
    rest = {number: span for number, span in spans.items() if number not in results}
    if rest:
        every = _by_decord if decoder == "decord" else timed
        results |= _in_sequence(every, path, samplings, rest, table)
        if decoder == "pyav" and len(samplings) > 1:
            results |= _each_alone(path, samplings, rest, results, table)
    return [results[number] for number in range(len(windows))]


def _by_decord(path: Path) -> Iterator[tuple[int | None, Picture]]:
    return ((None, picture) for picture in decord_reader.pictures(path))


def _sought(path: Path, samplings: Sequence[Sampling], spans: Spans, table: FrameTable) -> dict[int, Frames]:
    """The windows that can be had by seeking with certainty: all together, or where that fails each by itself."""
    if not spans or table.marks is None or len(table.times) < LONG:
        return {}
    starts = starts_of(path)
    if starts is None or not np.array_equal(starts.times, table.marks):
        return {}
    with suppress(Unsure):
        return _seek(path, samplings, spans, starts, table.fps)
    results: dict[int, Frames] = {}
    for number, span in spans.items() if len(spans) > 1 else ():
        with suppress(Unsure):
            results |= _seek(path, samplings, {number: span}, starts, table.fps)
    return results


def _seek(path: Path, samplings: Sequence[Sampling], spans: Spans, starts: Timetable, fps: float) -> dict[int, Frames]:
    """The frames of all windows. Raises Unsure where one cannot be had."""
    collector, keys = _collector(samplings, spans, {number: span.frames for number, span in spans.items()}, fps)
    at: dict[int, list[tuple[int, int]]] = {}  # number of a frame -> its keys
    for number, place in keys:
        at.setdefault(spans[number].first + place, []).append((number, place))
    with opened(path) as (container, stream):
        for index, picture in seeking.frames(container, stream, starts, sorted(at), NEAR):
            try:
                collector.take(at[index], picture)
            except VideoError as error:
                raise Unsure(str(error)) from error
    arrays = _by_window(collector, samplings, spans)
    return {
        number: _frames(arrays[number], samplings, span.frames, fps, 1, sought=True) for number, span in spans.items()
    }


def _each_alone(
    path: Path,
    samplings: Sequence[Sampling],
    spans: Spans,
    results: Mapping[int, Frames | VideoError],
    table: FrameTable,
) -> dict[int, Frames]:
    """Damaged windows of which a sampling by itself can be served by undamaged parts, as the packets promise."""
    better: dict[int, Frames] = {}
    for number, span in spans.items():
        result = results[number]
        if isinstance(result, Frames) and result.count == span.frames:
            continue
        alone = {at: _sought(path, [s], {number: span}, table).get(number) for at, s in enumerate(samplings)}
        served = {at: frames for at, frames in alone.items() if frames is not None}
        if not served:
            continue
        if isinstance(result, VideoError):
            lost = {at: str(result) for at in range(len(samplings)) if at not in served}
            empty = [np.zeros((s.views, s.frames, s.crop, s.crop, 3), np.uint8) for s in samplings]
            result = Frames(empty, span.frames, table.fps, 1, [0] * len(samplings), [0] * len(samplings), lost=lost)
        for at, frames in served.items():
            (result.arrays[at],), (result.present[at],), (result.decoded[at],) = (
                frames.arrays,
                frames.present,
                frames.decoded,
            )
        better[number] = result
    return better


def _in_sequence(
    every: Every, path: Path, samplings: Sequence[Sampling], spans: Spans, table: FrameTable
) -> dict[int, Frames | VideoError]:
    """Windows of a file that is decoded from its beginning, and again for those of another count than promised."""
    promised = {number: span.frames for number, span in spans.items()}
    first = _pass(every, path, samplings, spans, promised, table)
    again = {n: span for n, span in spans.items() if n not in first.lost and first.counts[n] not in (0, promised[n])}
    second = _pass(every, path, samplings, again, first.counts, table) if again else _Pass({}, {})
    results: dict[int, Frames | VideoError] = {}
    for number, span in spans.items():
        last, passes = (second, 2) if number in again else (first, 1)
        count = last.counts[number]
        if number in last.lost:
            results[number] = VideoError(last.lost[number])
        elif not count:
            results[number] = VideoError(f"none of the window's {span.frames} frames could be decoded")
        elif number in again and count != first.counts[number]:
            twice = f"{first.counts[number]} frames when decoded once and {count} when decoded again"
            results[number] = VideoError(f"the window gives {twice}")
        else:
            results[number] = _frames(last.arrays[number], samplings, count, table.fps, passes)
    return results


def _pass(
    every: Every,
    path: Path,
    samplings: Sequence[Sampling],
    spans: Spans,
    counts: Mapping[int, int],
    table: FrameTable,
) -> _Pass:
    """Decode a file up to the end of the last window, which are taken to have so many frames each."""
    collector, _ = _collector(samplings, spans, counts, table.fps)
    # What comes behind the last frame of the table belongs to the windows that reach that far.
    stops = {n: span.stop if span.stop < len(table.times) else np.inf for n, span in spans.items()}
    waiting = sorted(spans, key=lambda number: spans[number].first, reverse=True)
    current: list[int] = []
    result = _Pass({}, dict.fromkeys(spans, 0))
    numbering = Numbering(table)
    try:
        for mark, picture in every(path):
            index = numbering.number(mark)
            while waiting and spans[waiting[-1]].first <= index:
                current.append(waiting.pop())
            current = [number for number in current if index < stops[number]]
            if not current and not waiting:
                break
            try:
                collector.take([(number, result.counts[number]) for number in current], picture)
            except VideoError as error:
                result.lost |= dict.fromkeys(current, str(error))
            for number in current:
                result.counts[number] += 1
    except VideoError as error:  # what was there before is taken
        result.lost |= {number: str(error) for number in chain(current, waiting)}
    result.arrays = _by_window(collector, samplings, spans)
    return result


def _collector(
    samplings: Sequence[Sampling], spans: Spans, counts: Mapping[int, int], fps: float
) -> tuple[Collector, set[tuple[int, int]]]:
    """The collector of the wanted frames, and all their keys: (number of the window, which of its frames it is)."""
    collector = Collector([*samplings] * len(spans))
    keys: set[tuple[int, int]] = set()
    for slot, number in enumerate(spans):
        for place, sampling in enumerate(samplings):
            mine = [(number, at) for at in wanted(sampling, counts[number], fps).tolist()]
            collector.want(slot * len(samplings) + place, mine)
            keys.update(mine)
    return collector, keys


def _by_window(collector: Collector, samplings: Sequence[Sampling], spans: Spans) -> dict[int, list[np.ndarray]]:
    views, each = collector.views, len(samplings)
    return {number: views[slot * each : (slot + 1) * each] for slot, number in enumerate(spans)}


def _frames(
    arrays: list[np.ndarray], samplings: Sequence[Sampling], count: int, fps: float, passes: int, sought: bool = False
) -> Frames:
    counts = [present(sampling, count, fps) for sampling in samplings]
    return Frames(arrays, count, fps, passes, counts, [count] * len(samplings), sought)
