"""All frames of a video in the size that the network of shots takes.

Decoder processes import this module, so it has no torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.video.decoder import decoded, orientation
from pipeline.video.media import opened

HEIGHT, WIDTH = 27, 48  # pixels, whatever the shape of the video: so the network was trained


@dataclass(frozen=True)
class SmallFrames:
    """The frames of a video in the order of showing."""

    pictures: np.ndarray  # [T, 27, 48, 3] uint8 RGB
    times: np.ndarray  # [T] float64, seconds from when the first frame appears, rising
    end: float  # seconds, when the last one goes


def small_frames(path: Path) -> SmallFrames:
    """Decode a video once. Frames are squeezed to 48 x 27 by FFmpeg's bicubic filter, its default, and turned upright.

    Their times are those that they say, where all say one and these rise; else frames follow at the mean rate. Raises
    VideoError.
    """
    from av.video.reformatter import VideoReformatter

    reformatter = VideoReformatter()
    pictures: list[np.ndarray] = []
    ticks: list[int | None] = []
    with opened(Path(path).absolute()) as (container, stream):
        base = float(stream.time_base or 0)
        rate = float(stream.average_rate or stream.guessed_rate or 25)
        for frame in decoded(container.demux(stream), stream, lambda packet: None):
            turn = orientation(frame)
            height, width = (WIDTH, HEIGHT) if turn.degrees % 180 else (HEIGHT, WIDTH)
            small = reformatter.reformat(
                frame, width=width, height=height, format="rgb24", interpolation="BICUBIC", threads=1
            )
            pictures.append(turn.apply(small.to_ndarray()))
            ticks.append(frame.pts)
    known = np.array([tick for tick in ticks if tick is not None], dtype=np.int64)
    times = (known - known[0]) * base if len(known) == len(ticks) else np.zeros(0)
    if not len(times) or (np.diff(times) <= 0).any():
        times = np.arange(len(ticks)) / rate
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1 / rate
    return SmallFrames(np.stack(pictures), times, float(times[-1]) + step)
