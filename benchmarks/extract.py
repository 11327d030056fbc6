"""What one pass over the videos costs, against what it must cost at least, and against the stages one by one.

    .venv/bin/python benchmarks/extract.py --data ../shared/data

Takes the visual extractors of profile small with random weights, on small clips (droid, or clips that it makes where
--data is missing) and on 1080p clips that it makes. All figures of a line come from the same run, taken in turns
`--rounds` times, the median of each shown:

    decode    CPU-seconds of reading the union of the wanted frames with the decoder in use, in one process
    forward   wall seconds of the models on those frames, in the same batches
    floor     the larger of decode / cores and forward: no pass can be faster
    packed    (decode + CPU-seconds of forward) / cores: the floor where models run on the same cores
    sum       decode / cores + forward: decoding on all cores, then the models on all cores
    serial    decode + forward: decoding in one process, then the models on all cores
    one pass  wall seconds of the pass
    by stage  wall seconds of the same extractors one after the other

Then frames a second of one core against the bare library, the peak memory of `laff run` (all its processes) for 100
and 1,000 videos, and, where there is a GPU, samples a second of each model by batch size and the share of the pass in
which the GPU computes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np

from pipeline.build import construct
from pipeline.extraction import decoding
from pipeline.extraction.decoding import Clip, Pass
from pipeline.extraction.forward import Forward, Lanes, autocast
from pipeline.extraction.sweep import sweep
from pipeline.extraction.target import Target
from pipeline.graph import stages
from pipeline.video import reading
from pipeline.workers.tasks import Serial

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as the command sets it; torch is imported later
FEATURES = ("clip-ft", "x3d", "ircsn", "tf")  # small enough for decoding to matter
ALL = (*FEATURES, "timm")
SHARD = 64


def make_clips(folder: Path, count: int, width: int, height: int, frames: int) -> list[Path]:
    """H.264 videos of moving textures, as busy as filmed ones; kept from run to run."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(count):
        path = folder / f"{width}x{height}-{frames}-{number}.mp4"
        made.append(path)
        if path.exists():
            continue
        noise = np.random.default_rng(number).integers(0, 256, (height // 8 + 64, width // 8 + 64, 3), dtype=np.uint8)
        large = np.ascontiguousarray(noise.repeat(8, 0).repeat(8, 1))
        with av.open(str(path.with_suffix(".part.mp4")), "w") as container:
            stream = container.add_stream("libx264", rate=30)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.options = {"preset": "veryfast", "crf": "26"}
            for time_ in range(frames):
                x, y = 3 * time_ % 500, (2 * time_ + number) % 500
                picture = np.ascontiguousarray(large[y : y + height, x : x + width])
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
        path.with_suffix(".part.mp4").replace(path)
    return made


def look(paths: Sequence[Path]) -> list[Clip]:
    """Clips as the decode stage leaves them."""
    found = []
    for number, path in enumerate(paths):
        probe = reading.probe(path)
        found.append(Clip(f"v{number}", str(path), probe.packets, probe.decoder, probe.fps))
    return found


def targets(names: Sequence[str], folder: Path, shard: int, precision: str = "auto") -> list[Target]:
    """The extractors of profile small, each writing into a folder of its own."""
    graph = stages.load(ROOT / "stages.yaml", "small", (), ())
    made = []
    for name in names:
        stage = graph.stages[name]
        path = folder / name / f"{shard:05d}.h5"
        part, batch = construct.construct(stage), stage.options["batch"]
        made.append(Target(name, path.name, path, part, "benchmark", "", {}, stage.on, batch, "float32", precision))
    return made


def passes(clips: Sequence[Clip], names: Sequence[str], folder: Path, threads: int) -> list[Pass]:
    """The clips in shards."""
    parts = [list(clips[at : at + SHARD]) for at in range(0, len(clips), SHARD)]
    return [Pass(part, targets(names, folder, n), threads, 600.0, 4.0) for n, part in enumerate(parts)]


def seconds(work: Callable[[], Any], clock: Callable[[], float] = time.perf_counter) -> float:
    """How long `work` takes by a clock."""
    start = clock()
    work()
    return clock() - start


def run(tasks: Serial, jobs: Sequence[Pass]) -> None:
    """Do passes as `laff run` does them."""
    for _ in tasks.each(sweep, jobs):
        pass


def read_all(clips: Sequence[Clip], names: Sequence[str]) -> list[reading.Frames]:
    """The frames that the extractors want, read in this process."""
    samplings = [target.part.sampling for target in targets(names, Path(), 0)]
    return [decoding.read((clip.path, samplings, clip.packets, clip.decoder, clip.fps)) for clip in clips]


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
    run(tasks, passes(clips[: 2 * cores], names, work, threads))  # decoders started, models loaded, files in memory
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
    if clip.decoder == "decord":
        import decord

        reader = decord.VideoReader(clip.path, num_threads=1)
        for _ in range(clip.packets):
            reader.next().asnumpy()
    else:
        with av.open(clip.path) as container:
            container.streams.video[0].thread_type = "NONE"
            for frame in container.decode(video=0):
                frame.to_ndarray(format="rgb24")


def decoder_speed(name: str, clips: Sequence[Clip], rounds: int) -> None:
    """Print frames a second of one core, ours and the bare library's."""
    count = sum(one.count for one in read_all(clips, FEATURES))
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(count / seconds(lambda: read_all(clips, FEATURES), time.process_time))
        theirs.append(count / seconds(lambda: [bare(clip) for clip in clips], time.process_time))
    kinds = sorted({clip.decoder for clip in clips})
    mine, other = statistics.median(ours), statistics.median(theirs)
    print(f"  {name}: {mine:.0f} frames/s a core, {'+'.join(kinds)} alone {other:.0f}; ratio {mine / other:.2f}")


def write_collection(folder: Path, paths: Sequence[Path], count: int) -> Path:
    """A collection of `count` videos, the files taken in turns."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [f"v{number},{paths[number % len(paths)].absolute()}" for number in range(count)]
    (folder / "videos.csv").write_text("\n".join(["video,path", *rows]) + "\n")
    text = "videos: videos.csv\n"
    for split, ids in (("train", range(count - 2)), ("val", [count - 2]), ("test", [count - 1])):
        (folder / f"{split}.txt").write_text("".join(f"v{n}\n" for n in ids))
        (folder / f"{split}.captions.txt").write_text("".join(f"v{n}#0 clip {n}\n" for n in ids))
        text += f"{split}: {{ids: {split}.txt, captions: {split}.captions.txt}}\n"
    (folder / "collection.yaml").write_text(text)
    return folder / "collection.yaml"


def tree_memory(pid: int) -> float:
    """MiB that a process and its descendants take, shared pages shared out."""
    total, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
            rollup = Path(f"/proc/{one}/smaps_rollup").read_text()
            total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
        except (OSError, StopIteration):
            continue
    return total / 1024


def memory(paths: Sequence[Path], folder: Path, count: int) -> float:
    """Peak MiB of a `laff run` of the extractors over `count` videos."""
    collection = write_collection(folder / str(count), paths, count)
    command = [sys.executable, str(ROOT / "cli.py"), "run", "-c", str(collection), "-w", str(folder / f"work{count}")]
    command += ["--stages", str(ROOT / "stages.yaml"), "--profile", "small", "--set", "train.from=[x3d,bow]"]
    process = subprocess.Popen([*command, *FEATURES[1:]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, tree_memory(process.pid))
        time.sleep(0.05)
    if process.returncode:
        sys.exit(f"laff run over {count} videos ended with {process.returncode}")
    return peak


def gpu_figures(tasks: Serial, clips: Sequence[Clip], work: Path, threads: int) -> None:
    """Samples a second by batch size; the share of a pass in which the GPU computes (nvidia-smi, every 100 ms)."""
    import torch

    print(f"\nGPU: {torch.cuda.get_device_name()}")
    frames = read_all(clips[:8], FEATURES)
    for number, target in enumerate(targets(FEATURES, work, 0)):
        part = target.loaded(tasks.worker)
        line = []
        for batch in (1, 8, 32, 128):
            arrays = np.stack([frames[n % len(frames)].arrays[number] for n in range(batch)])
            given = torch.from_numpy(arrays).cuda()
            for precision in ("float32", "float16"):
                with autocast("cuda", precision):
                    part.extract(given)
                    torch.cuda.synchronize()
                    took = seconds(lambda part=part, given=given: [part.extract(given).cpu() for _ in range(10)])
                line.append(f"{batch} {precision} {10 * batch / took:.0f}")
        print(f"  {target.stage}: samples/s by batch: {', '.join(line)}")
    query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "-lms", "100"]
    watcher = subprocess.Popen(query, stdout=subprocess.PIPE, text=True)
    seen: list[int] = []
    assert watcher.stdout is not None
    reader = threading.Thread(
        target=lambda: seen.extend(int(line) for line in watcher.stdout if line.strip().isdigit())
    )
    reader.start()
    took = seconds(lambda: run(tasks, passes(clips, FEATURES, work, threads)))
    watcher.terminate()
    reader.join()
    share = statistics.mean(seen) if seen else float("nan")
    print(f"  one pass over {len(clips)} clips {took:.2f} s; GPU busy {share:.0f} % of it")


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of real data with droid/ in it")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "laff-extract", help="scratch")
    parser.add_argument("--clips", type=int, default=256, help="small clips")
    parser.add_argument("--large", type=int, default=24, help="1080p clips")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int, nargs=2, default=(100, 1000), help="videos; 0 0 leaves it away")
    given = parser.parse_args()
    threads = stages.load(ROOT / "stages.yaml", "small").threads
    droid = sorted((given.data / "droid").rglob("*.mp4")) if given.data else []
    paths = droid or make_clips(given.work / "clips", 32, 320, 180, 105)
    small = look([paths[n % len(paths)] for n in range(given.clips)])
    made = make_clips(given.work / "clips", 6, 1920, 1080, 150)
    large = look([made[n % len(made)] for n in range(given.large)])
    tasks = Serial()
    kind = "droid" if droid else "320x180"
    one_pass(tasks, kind, small, FEATURES, given.work, threads, given.rounds)
    one_pass(tasks, kind, small[: max(1, given.clips // 3)], ALL, given.work, threads, given.rounds)
    one_pass(tasks, "1080p", large, FEATURES, given.work, threads, given.rounds)
    print("\ndecoder in use against the bare library")
    decoder_speed("small", small[:64], given.rounds)
    decoder_speed("1080p", large[:6], given.rounds)
    tasks.close()
    if all(given.memory):
        with tempfile.TemporaryDirectory(dir=given.work) as folder:
            few, many = (memory(paths, Path(folder), count) for count in given.memory)
        print(f"\npeak memory: {few:.0f} MiB for {given.memory[0]} videos, {many:.0f} for {given.memory[1]}", end="")
        print(f" ({100 * (many / few - 1):+.1f} %)")
    import torch

    if torch.cuda.is_available():
        gpu_figures(tasks, small, given.work, threads)
    else:
        print("\nno GPU here: its figures are left out")
    tasks.close()


if __name__ == "__main__":
    main()
