"""What one pass over the videos costs, against what it must cost at least, and against the stages one by one.

    .venv/bin/python benchmarks/extract.py --data ../shared/data

Takes the visual extractors of profile small with random weights, on small clips (droid, or clips that it makes where
--data is missing) and on 1080p clips that it makes. All figures of a line come from the same run, taken in turns
`--rounds` times, the median of each shown:

    decode    CPU-seconds of reading the union of the wanted frames in one process
    forward   wall seconds of the models on those frames, in the same batches
    floor     the larger of decode / cores and forward: no pass can be faster
    packed    (decode + CPU-seconds of forward) / cores: the floor where models run on the same cores
    sum       decode / cores + forward: decoding on all cores, then the models on all cores
    serial    decode + forward: decoding in one process, then the models on all cores
    one pass  wall seconds of the pass
    by stage  wall seconds of the same extractors one after the other

Then frames a second of one core against the bare library, and against decode.decoder=decord.
extract_memory.py has the memory, gpu.py the GPU.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import av
from clips import large, look, options, small
from passes import FEATURES, SHARD, passes, read_all, run, seconds, targets, threads, warm

from pipeline.devices.lanes import Lanes
from pipeline.extraction.decoding import Clip
from pipeline.extraction.forward import Forward
from pipeline.video import reading
from pipeline.workers.tasks import Serial

ALL = (*FEATURES, "timm")


def forward(tasks: Serial, frames: Sequence[reading.Frames], names: Sequence[str], threads: int) -> None:
    """The models on frames that are there, in a pass's batches."""
    for at in range(0, len(frames), SHARD):
        shard, lanes = frames[at : at + SHARD], Lanes(threads)
        forwards = [Forward(target, len(shard), lanes, tasks.worker) for target in targets(names, Path(), 0)]
        for one in shard:
            for number, goal in enumerate(forwards):
                goal.add(one.arrays[number])
        for goal in forwards:
            goal.rows()
        lanes.close()


def one_pass(
    tasks: Serial, name: str, clips: Sequence[Clip], names: Sequence[str], work: Path, threads: int, rounds: int
) -> None:
    """Measure one pass and what it is compared with, in turns, and print it."""
    cores = len(os.sched_getaffinity(0))
    warm(tasks, clips, names, work, threads)
    frames = read_all(clips, names)
    took: dict[str, list[float]] = {key: [] for key in ("decode", "forward", "CPU of forward", "one pass", "by stage")}
    for _ in range(rounds):
        took["one pass"].append(seconds(lambda: run(tasks, passes(clips, names, work, threads))))
        took["decode"].append(seconds(lambda: read_all(clips, names), time.process_time))
        start = time.process_time()
        took["forward"].append(seconds(lambda: forward(tasks, frames, names, threads)))
        took["CPU of forward"].append(time.process_time() - start)
        took["by stage"].append(seconds(lambda: [run(tasks, passes(clips, (one,), work, threads)) for one in names]))
    mid = {key: statistics.median(values) for key, values in took.items()}
    decode, pass_ = mid["decode"] / cores, mid["one pass"]
    floor, total = max(decode, mid["forward"]), decode + mid["forward"]
    packed = (mid["decode"] + mid["CPU of forward"]) / cores
    count = sum(one.count for one in frames)
    print(f"\n{name}, {'+'.join(names)}: {len(clips)} clips, {count} frames; {cores} cores, {threads} threads")
    print(
        f"  decode {mid['decode']:.2f} CPU-s ({count / mid['decode']:.0f} frames/CPU-s), forward {mid['forward']:.2f} s"
    )
    serial = mid["decode"] + mid["forward"]
    print(f"  floor {floor:.2f} s, packed {packed:.2f} s, sum {total:.2f} s, serial {serial:.2f} s")
    print(f"  one pass {pass_:.2f} s, by stage {mid['by stage']:.2f} s")
    print(
        f"  one pass / floor {pass_ / floor:.2f}, / packed {pass_ / packed:.2f}, / sum {pass_ / total:.2f}, "
        f"/ serial {pass_ / serial:.2f};   "
        f"by stage / one pass {mid['by stage'] / pass_:.2f}"
    )


def bare(clip: Clip) -> None:
    """All frames as RGB arrays, by the library alone."""
    with av.open(clip.path) as container:
        container.streams.video[0].thread_type = "NONE"
        for frame in container.decode(video=0):
            frame.to_ndarray(format="rgb24")


def decoder_speed(name: str, clips: Sequence[Clip], rounds: int) -> None:
    """Print frames a second of one core: ours, the bare library's, and ours where decord reads."""
    count = sum(video.count for video in read_all(clips, FEATURES))
    ours, theirs, decords = [], [], []
    for _ in range(rounds):
        ours.append(count / seconds(lambda: read_all(clips, FEATURES), time.process_time))
        theirs.append(count / seconds(lambda: [bare(clip) for clip in clips], time.process_time))
        decords.append(count / seconds(lambda: read_all(clips, FEATURES, "decord"), time.process_time))
    mine, other, decord = (statistics.median(rates) for rates in (ours, theirs, decords))
    print(f"  {name}: {mine:.0f} frames/s a core, PyAV alone {other:.0f}; ratio {mine / other:.2f}")
    print(f"  {name}: decoder=pyav {mine:.0f} frames/s a core, decoder=decord {decord:.0f}; ratio {mine / decord:.2f}")


def main() -> None:
    """Print all figures."""
    parser = options(__doc__)
    parser.add_argument("--clips", type=int, default=256, help="small clips")
    parser.add_argument("--large", type=int, default=24, help="1080p clips")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    kind, paths = small(given.data, given.work)
    clips, big = look(paths, given.clips), look(large(given.work), given.large)
    tasks, count = Serial(), threads()
    one_pass(tasks, kind, clips, FEATURES, given.work, count, given.rounds)
    one_pass(tasks, kind, clips[: max(1, given.clips // 3)], ALL, given.work, count, given.rounds)
    one_pass(tasks, "1080p", big, FEATURES, given.work, count, given.rounds)
    print("\nagainst the bare library")
    decoder_speed("small", clips[:64], given.rounds)
    decoder_speed("1080p", big[:6], given.rounds)
    tasks.close()


if __name__ == "__main__":
    main()
