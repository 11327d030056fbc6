"""The videos that the benchmarks of extraction read: small ones, real where there are some, and 1080p."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np

from pipeline.extraction.decoding import Clip
from pipeline.video import reading


def options(about: str | None) -> argparse.ArgumentParser:
    """A parser with what every such benchmark takes."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of real data with droid/ in it")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "laff-extract", help="scratch")
    return parser


def small(data: Path | None, work: Path) -> tuple[str, list[Path]]:
    """What they are called, and those of droid; or 32 that are made where there are none."""
    droid = sorted((data / "droid").rglob("*.mp4")) if data else []
    return ("droid", droid) if droid else ("320x180", make_clips(work / "clips", 32, 320, 180, 105))


def large(work: Path) -> list[Path]:
    """Six of 1920 x 1080, made."""
    return make_clips(work / "clips", 6, 1920, 1080, 150)


def make_clips(folder: Path, count: int, width: int, height: int, frames: int, first: int = 0) -> list[Path]:
    """H.264 videos of moving textures, as busy as filmed ones, numbered from `first`; kept from run to run."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(first, first + count):
        path = folder / f"{width}x{height}-{frames}-{number}.mp4"
        paths.append(path)
        if path.exists():
            continue
        noise = np.random.default_rng(number).integers(0, 256, (height // 8 + 64, width // 8 + 64, 3), dtype=np.uint8)
        texture = np.ascontiguousarray(noise.repeat(8, 0).repeat(8, 1))
        with av.open(str(path.with_suffix(".part.mp4")), "w") as container:
            stream = container.add_stream("libx264", rate=30)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.options = {"preset": "veryfast", "crf": "26"}
            for time_ in range(frames):
                x, y = 3 * time_ % 500, (2 * time_ + number) % 500
                picture = np.ascontiguousarray(texture[y : y + height, x : x + width])
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
        path.with_suffix(".part.mp4").replace(path)
    return paths


def look(paths: Sequence[Path], count: int) -> list[Clip]:
    """`count` clips as the decode stage leaves them, the files taken in turns."""
    found = []
    for number in range(count):
        path = paths[number % len(paths)]
        probe = reading.probe(path)
        found.append(Clip(f"v{number}", str(path), probe.packets, probe.fps))
    return found
