"""What the windows of a long video cost to read, against decoding it once from its first frame to its last.

    .venv/bin/python benchmarks/windows.py

On videos of `--minutes`, repetitions of a minute that it makes (H.264, 30 frames a second, as x264 is set when
nothing is said) or of real clips; cut into `--windows` windows side by side. All figures are of one run, each
taken in a process of its own and in turns `--rounds` times; the median is shown. CPU-seconds are those of that process,
memory its peak.

    decode      every frame decoded by PyAV, in one thread; none is converted
    floor       the same, and those frames converted, resized and cropped that the windows want
    windows     what decoder processes do for an extract stage: groups of windows, each in one pass
    one by one  each window read by itself
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
from clips import make_clips

from extractors.base import Sampling
from pipeline.extraction import decoding
from pipeline.extraction.decoding import Clip, Decoders, Job, Pass
from pipeline.extraction.target import Target
from pipeline.video import decoder, windows
from pipeline.video.collecting import Collector
from pipeline.video.frame_tables import frame_table
from pipeline.video.positions import wanted

SAMPLINGS = {
    "clip, 8 frames": Sampling(8, 224, 224, filter="bicubic"),
    "clip, 16 frames": Sampling(16, 224, 224, filter="bicubic"),
    "x3d of profile small": Sampling(4, 64, 64, antialias=False),
    "x3d-l-k400, 160 frames": Sampling(16, 356, 312, 10, 5, 30.0, "slowfast", antialias=False),
}
Figures = tuple[float, float, float]  # CPU-seconds, seconds, peak of memory in MB


def film(folder: Path, part: Path, minutes: float) -> Path:
    """A video of so many minutes that shows `part` again and again: copies of its packets."""
    path = folder / f"{part.stem}-{minutes:g}min.mp4"
    if path.exists():
        return path
    with av.open(str(path.with_suffix(".part.mp4")), "w") as container:
        stream, shift = None, 0
        while True:
            with av.open(str(part)) as source:
                given = source.streams.video[0]
                stream = stream or container.add_stream_from_template(given)
                base, end = Fraction(given.time_base or 1), 0
                for packet in source.demux(given):
                    if packet.pts is None or packet.dts is None:
                        continue
                    end = max(end, packet.pts + (packet.duration or 1))
                    packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
                    container.mux(packet)
            shift += end
            if shift * base >= 60 * minutes:
                break
    return path.with_suffix(".part.mp4").replace(path)


def decode(path: Path, sampling: Sampling, bounds: list[tuple[float, float]]) -> None:
    """Every frame, none converted."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "NONE"
        for _ in container.decode(video=0):
            pass


def floor(path: Path, sampling: Sampling, bounds: list[tuple[float, float]]) -> None:
    """The same, and what is wanted converted: what one pass cannot go below."""
    table = frame_table(path)
    spans = [table.span(*window) for window in bounds]
    for number, picture in enumerate(decoder.pictures(path)):
        for span in spans:
            if span.first <= number < span.stop:
                places = wanted(sampling, span.frames, table.fps).tolist()
                if number - span.first in places:
                    alone = Collector([sampling])
                    alone.want(0, places)
                    alone.take([number - span.first], picture)


def grouped(path: Path, sampling: Sampling, bounds: list[tuple[float, float]]) -> None:
    """As decoder processes are given them, one group after the other."""
    for job in jobs(path, sampling, bounds):
        decoding.read(job)


def one_by_one(path: Path, sampling: Sampling, bounds: list[tuple[float, float]]) -> None:
    """Each window by itself."""
    for window in bounds:
        windows.read(path, [sampling], [window])


def jobs(path: Path, sampling: Sampling, bounds: list[tuple[float, float]]) -> list[Job]:
    """The windows in groups."""

    class Part:
        pass

    part = Part()
    part.sampling = sampling  # type: ignore[attr-defined]
    target = Target("f", "00000.h5", Path(), part, "", "", {}, "cpu", 1, "float32")
    clips = [Clip(str(number), str(path), start=start, end=end) for number, (start, end) in enumerate(bounds)]
    return Decoders().jobs(Pass(clips, [target], 1, 60.0, 4.0))


Way = Callable[[Path, Sampling, list[tuple[float, float]]], None]
WAYS: dict[str, Way] = {"decode": decode, "floor": floor, "windows": grouped, "one by one": one_by_one}


def figures(way: str, path: Path, sampling: Sampling, bounds: list[tuple[float, float]]) -> Figures:
    """Runs in a process of its own."""
    began, cpu = time.perf_counter(), time.process_time()
    WAYS[way](path, sampling, bounds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return time.process_time() - cpu, time.perf_counter() - began, peak


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "laff-windows", help="scratch")
    parser.add_argument("--sizes", nargs="*", default=["640x360", "1280x720"])
    parser.add_argument("--videos", nargs="*", type=Path, default=[], help="real ones, which are repeated")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--windows", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--samplings", nargs="+", default=list(SAMPLINGS), choices=list(SAMPLINGS))
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    given = parser.parse_args()
    length = 60 * given.minutes / given.windows
    bounds = [(number * length, (number + 1) * length) for number in range(given.windows)]
    parts = list(given.videos)
    for size in given.sizes:
        width, height = (int(side) for side in size.split("x"))
        parts += make_clips(given.work, 1, width, height, 1800)
    for part in parts:
        path = film(given.work, part, given.minutes)
        with av.open(str(path)) as container:
            video = container.streams.video[0]
            about = f"{video.width}x{video.height} {video.codec_context.name}, {video.frames} frames"
        print(f"\n{part.name}: {about}, {given.minutes:g} minutes, {given.windows} windows of {length:g} s", flush=True)
        for name in given.samplings:
            took: dict[str, list[Figures]] = {way: [] for way in given.ways}
            for _ in range(given.rounds):
                for way, measurements in took.items():
                    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
                        measurements.append(process.submit(figures, way, path, SAMPLINGS[name], bounds).result())
            base = statistics.median(cpu for cpu, _, _ in next(iter(took.values())))
            print(f"  {name}; {len(jobs(path, SAMPLINGS[name], bounds))} group(s)")
            for way, measurements in took.items():
                cpu, wall, peak = (statistics.median(column) for column in zip(*measurements, strict=True))
                print(f"    {way:10} {cpu:7.2f} CPU-s  {wall:7.2f} s  {peak:5.0f} MB   x {cpu / base:.2f}", flush=True)


if __name__ == "__main__":
    main()
