"""Videos in, frames out: look at a file (`probe`), then decode it once for every Sampling that wants frames (`read`).

Both run in worker processes that can be killed (workers.killable): their modules import neither torch nor, before it is
used, a decoder. Sample aspect ratios are ignored: pixels count as square, as in the authors' features.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from extractors.base import Sampling
from pipeline.video import decoder as pyav
from pipeline.video import decord_reader, seeking
from pipeline.video.collecting import Collector
from pipeline.video.decoder import Picture, pictures
from pipeline.video.frames import LONG, Frames
from pipeline.video.keyframes import Unsure
from pipeline.video.media import VideoError, opened
from pipeline.video.positions import present, wanted
from pipeline.video.probing import Probe, drain, probe, probe_windows
from pipeline.video.timeline import Timeline

SPARSE = 0.6  # seeking is worth it where at most this part of the frames has to be decoded (measured: to about 0.7)

VERSIONS = {
    "pyav": pyav.VERSION,
    "decord": decord_reader.VERSION,
}  # of the decoders that may read frames; PyAV looks at all files

__all__ = ["VERSIONS", "Frames", "Probe", "VideoError", "probe", "probe_windows", "read"]


def read(path: Path, samplings: Sequence[Sampling], packets: int, fps: float = 0.0, decoder: str = "pyav") -> Frames:
    """Decode a video once and keep the frames that the samplings want, resized and cropped.

    `packets` and `fps` are those of its Probe; where one is 0, the file is looked through first. Frames are chosen
    from `packets`, and counted; if the count was another, they are chosen anew from the truth and the file is decoded
    again. Only chosen frames are kept, at their final size.

    Where every sampling wants little of a long video, only that is decoded if it can be had with certainty, the same
    bytes. A sampling's frames do not depend on the other samplings; in a damaged file, too, one that undamaged parts
    can serve by itself gets what the packets promise, whatever the others need, and one that cannot be served costs
    the others nothing. Raises VideoError where none can be served.

    decoder: "pyav", or "decord", which reads the whole file in sequence always; where it fails none is served.
    """
    path = Path(path).absolute()  # a name such as a:b.mp4 would be a protocol
    if not packets or not fps:
        with opened(path) as (container, stream):
            timeline = Timeline(stream.codec_context.codec.canonical_name, stream.codec_context.extradata)
            drain(container.demux(stream), timeline.add)
            packets, fps = packets or max(timeline.packets, 1), fps or timeline.fps(stream)
    if decoder == "decord":
        return _in_sequence(decord_reader.pictures, path, samplings, packets, fps)
    few = _seek(path, samplings, packets, fps)
    if few is not None:
        counts = _present(samplings, packets, fps)
        return Frames(few, packets, fps, 1, counts, [packets] * len(samplings), sought=True)
    try:
        return _read_all(path, samplings, packets, fps)
    except VideoError:
        if len(samplings) == 1:
            raise
        return _each_alone(path, samplings, packets, fps)


def _read_all(path: Path, samplings: Sequence[Sampling], packets: int, fps: float) -> Frames:
    """All frames decoded; what a sampling could be given by seeking, if they are not what the packets promise."""
    whole = _in_sequence(pictures, path, samplings, packets, fps)
    for number, sampling in enumerate(samplings if whole.count != packets else ()):
        alone = _seek(path, [sampling], packets, fps)
        if alone is not None:
            (whole.arrays[number],), whole.present[number] = alone, present(sampling, packets, fps)
            whole.decoded[number] = packets
    return whole


def _in_sequence(
    every: Callable[[Path], Iterator[Picture]], path: Path, samplings: Sequence[Sampling], packets: int, fps: float
) -> Frames:
    """All frames that `every` gives of a file, read once more where they are not as many as the packets promise."""
    arrays, count = _decode(every, path, samplings, packets, fps)
    passes = 1
    if count != packets:
        arrays, again = _decode(every, path, samplings, count, fps)
        passes = 2
        if again != count:
            raise VideoError(f"gives {count} frames when decoded once and {again} when decoded again")
    return Frames(arrays, count, fps, passes, _present(samplings, count, fps), [count] * len(samplings))


def _each_alone(path: Path, samplings: Sequence[Sampling], packets: int, fps: float) -> Frames:
    """What each sampling gets when it is read alone, from a file that cannot serve all together."""
    together = Frames(Collector(samplings).views, 0, fps, 0, [0] * len(samplings), [0] * len(samplings))
    served: list[Frames] = []
    for number, sampling in enumerate(samplings):
        try:
            alone = read(path, [sampling], packets, fps)
        except VideoError as error:
            together.lost[number] = str(error)
            continue
        served.append(alone)
        (together.arrays[number],), (together.present[number],) = alone.arrays, alone.present
        (together.decoded[number],) = alone.decoded
    if not served:
        raise VideoError(together.lost[0])
    return replace(
        together, count=max(frames.count for frames in served), passes=sum(frames.passes for frames in served)
    )


def _present(samplings: Sequence[Sampling], count: int, fps: float) -> list[int]:
    return [present(sampling, count, fps) for sampling in samplings]


def _decode(
    every: Callable[[Path], Iterator[Picture]], path: Path, samplings: Sequence[Sampling], count: int, fps: float
) -> tuple[list[np.ndarray], int]:
    """One pass that takes the video to have `count` frames -> (arrays, frames decoded)."""
    collector = _collector(samplings, count, fps)
    decoded_frames = 0
    for index, picture in enumerate(every(path)):
        collector.take([index], picture)
        decoded_frames = index + 1
    return collector.views, decoded_frames


def _seek(path: Path, samplings: Sequence[Sampling], packets: int, fps: float) -> list[np.ndarray] | None:
    """The arrays by seeking; None where that does not pay, for any sampling or for all together, or is not certain."""
    groups = [sorted(set(wanted(sampling, packets, fps).tolist())) for sampling in samplings]
    together = sorted(set().union(*groups))
    if packets < LONG or any(len(group) > SPARSE * packets for group in [*groups, together]):
        return None
    collector = _collector(samplings, packets, fps)
    try:
        with opened(path) as (container, stream):
            if seeking.hopeless(stream, packets):
                return None
            table = seeking.timetable(container, stream)
            if len(table.times) != packets or any(table.share(group) > SPARSE for group in [*groups, together]):
                return None
            for index, picture in seeking.frames(container, stream, table, together):
                collector.take([index], picture)
    except Unsure:
        return None
    return collector.views


def _collector(samplings: Sequence[Sampling], count: int, fps: float) -> Collector:
    """The collector of the frames that the samplings want of a video of `count` frames, by their numbers."""
    collector = Collector(samplings)
    for number, sampling in enumerate(samplings):
        collector.want(number, wanted(sampling, count, fps).tolist())
    return collector
