"""What a training step costs, part by part, at the sizes of LAFF's authors and on captions of MSR-VTT's shape.

python benchmarks/train_step.py [--steps 12] [--batch 64] [--threads 1] [--device cpu] [--precision float32]
                                [--gru joint] [--epoch]

Without --gru and --precision: the four cases joint and cached, float32 and bfloat16, each in a fresh process. On a CPU
one thread, and CPU time of that thread, so that others on the machine disturb little; the product of the step's time
and of the speed of a 2048^3 matrix product, taken between the steps, compares machines. Times are the best of the
steps. With --threads 2 or more they are those of the clock, which take an idle machine. reference.py has the ratio to
a plain step. --epoch times one epoch of 130,260 captions and 6,513 videos instead, and says how long 30 take.
"""

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from extractors.gru import END, START, GruEncoder
from fusion import losses
from fusion.features import Feature, Sparse, Split, Tokens
from fusion.laff import LAFF
from fusion.paired import Paired
from fusion.retrieval import Retrieval
from pipeline.graph.recipe import Recipe
from pipeline.training.optimizer import clipping, differentiate, make_optimizer, move
from pipeline.training.trainer import Trainer
from pipeline.workers import malloc

VIDEO = {"clip-ft": 512, "tf": 768, "x3d": 2048, "ircsn": 2048}
TEXT = {"gru": 1024, "bow": 7650, "w2v": 500, "clip-ft": 512}
WORDS, STOP, SPECIAL = 7803, 153, 4  # words of the GRU, of which bow drops the most frequent; <pad>, <start>, ...
PARTS = ("batch", "video", "text", "loss", "backward", "clip", "optimizer")
CAPTIONS = 4096  # a batch is a part of them
WARM = 10  # steps before those that are timed
LENGTH = 8.64  # words of a caption on average: 681 tokens in a batch of 64, with <start> and <end>
ZIPF = 0.9  # gives 370 distinct words in such a batch, and 280 to 290 of bow's


def captions(count: int, seed: int = 0) -> tuple[Tokens, Sparse]:
    """Word numbers drawn from Zipf's law, caption lengths from 3 to 23: as tokens of the GRU, and as bags of words."""
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.poisson(torch.full((count,), LENGTH), generator=generator)
    lengths = drawn.clamp(3, 23).long()
    shares = torch.arange(1, WORDS + 1).double() ** -ZIPF
    words = torch.multinomial(shares, int(lengths.sum()), replacement=True, generator=generator)
    caption = torch.repeat_interleave(lengths)
    starts = torch.cat([torch.zeros(1, dtype=torch.int64), (lengths + 2).cumsum(0)])
    ids = torch.full((int(starts[-1]),), START)
    ids[starts[1:] - 1] = END
    ids[torch.arange(len(words)) + 2 * caption + 1] = words + SPECIAL
    kept = words >= STOP
    counts = torch.bincount(caption[kept], minlength=count)
    indptr = torch.cat([torch.zeros(1, dtype=torch.int64), counts.cumsum(0)])
    bags = Sparse(words[kept] - STOP, indptr, torch.ones(int(indptr[-1])), WORDS - STOP)
    return Tokens(ids, starts, WORDS + SPECIAL), bags


def split(count: int, videos: int, joint: bool) -> Split:
    """Random features of so many captions and videos."""
    torch.manual_seed(1)
    tokens, bags = captions(count)
    text: dict[str, Feature] = {
        "gru": tokens if joint else torch.randn(count, TEXT["gru"]) * 0.3,
        "bow": bags,
        "w2v": torch.randn(count, TEXT["w2v"]),
        "clip-ft": torch.randn(count, TEXT["clip-ft"]),
    }
    video = {name: torch.randn(videos, dim) for name, dim in VIDEO.items()}
    return Split(video, text, torch.arange(count) % videos)


def model(joint: bool) -> Paired:
    """The authors' LAFF: 66 million parameters with the GRU inside."""
    torch.manual_seed(2)
    encoders = {"gru": GruEncoder(WORDS + SPECIAL, 500, 1024)} if joint else {}
    return Paired(LAFF(dims=VIDEO, raw=("clip-ft",)), LAFF(dims=TEXT, raw=("clip-ft",)), encoders)


class Clock:
    """Time since the last look: of this thread's work on a CPU; on the clock for more threads, and a GPU's work."""

    def __init__(self, device: str, threads: int = 1) -> None:
        self.device = device
        self.clock = time.perf_counter if device == "cuda" or threads > 1 else time.thread_time
        self.now()

    def now(self) -> float:
        """Milliseconds since the last call."""
        if self.device == "cuda":
            torch.cuda.synchronize()
        time_now = self.clock()
        passed = 1000 * (time_now - getattr(self, "before", time_now))
        self.before = time_now
        return passed


def one_step(task: Retrieval, optimizer: torch.optim.Optimizer, rows: Tensor, clip: float, clock: Clock) -> list[float]:
    """Milliseconds of each of PARTS; together they are what the trainer does in a step."""
    marks = []
    clock.now()
    with task.products():
        video, text = task.train.batch(rows)
        marks.append(clock.now())
        videos = task.model.video_units(video)
        marks.append(clock.now())
        texts = task.model.text_units(text)
        marks.append(clock.now())
        cosines = task.model.compare(videos, texts)
    loss = losses.triplet(cosines, torch.ones(()))
    marks.append(clock.now())
    gradients = differentiate(loss, optimizer)
    marks.append(clock.now())
    scale = clipping(gradients, clip)
    marks.append(clock.now())
    move(optimizer, gradients, scale)
    return [*marks, clock.now()]


def matrix_product(clock: Clock, size: int = 2048) -> float:
    """Speed of a float32 product of two matrices [size, size], in GFLOP/s."""
    matrix = torch.randn(size, size, device=clock.device)
    clock.now()
    torch.mm(matrix, matrix)
    return 2 * size**3 / clock.now() / 1e6


def gibibytes(device: str) -> float:
    """The most memory so far: of the process, or that tensors had on a GPU."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def steps(device: str, joint: bool, precision: str, batch: int, count: int, threads: int) -> None:
    """Print one case: milliseconds of each part and of the whole step, and how much memory each stage of it added."""
    peaks = {"imports": gibibytes(device)}
    train = split(CAPTIONS, 1024, joint).to(device)
    peaks["data"] = gibibytes(device)
    recipe = Recipe(batch=batch)
    task = Retrieval(model(joint).to(device), train, train, losses.make("triplet"), precision=precision)
    peaks["model"] = gibibytes(device)
    optimizer = make_optimizer(task.model, recipe)
    task.model.train()
    clock, rows = Clock(device, threads), torch.randperm(len(train)).split(batch)[: len(train) // batch]
    task.loss(rows[0])
    peaks["forward"] = gibibytes(device)
    for number in range(WARM):
        one_step(task, optimizer, rows[number % len(rows)], recipe.clip, clock)
        peaks.setdefault("first step", gibibytes(device))
    peaks["later steps"] = gibibytes(device)  # from here on the product adds memory of its own
    times, speed = [], 0.0
    for number in range(count):
        times.append(one_step(task, optimizer, rows[(WARM + number) % len(rows)], recipe.clip, clock))
        speed = max(speed, matrix_product(clock))
    columns = zip(*times, strict=True)
    parts = "  ".join(f"{name} {min(column):.1f}" for name, column in zip(PARTS, columns, strict=True))
    case = f"{'joint' if joint else 'cached'} GRU, {precision}, batch {batch}, {device}"
    print(f"{case}, {threads} thread{'s' * (threads > 1)}: {parts}")
    whole = sorted(sum(parts) for parts in times)
    print(
        f"    step {whole[0]:.0f} ms (median {whole[len(whole) // 2]:.0f}), {1000 * batch / whole[0]:.0f} samples/s; "
        f"product {speed:.0f} GFLOP/s; step x product {whole[0] / 1000 * speed:.1f} GFLOP"
    )
    before = [0.0, *peaks.values()]
    added = [f"{name} {peak - before[place]:.2f}" for place, (name, peak) in enumerate(peaks.items())]
    print(f"    peak memory {peaks['later steps']:.2f} GiB: {', '.join(added)}", flush=True)


def epoch(device: str, joint: bool, precision: str, batch: int) -> None:
    """Print the wall time of an epoch of MSR-VTT's size as the trainer runs it, without validation and checkpoints."""
    train = split(130_260, 6_513, joint).to(device)
    task = Retrieval(model(joint).to(device), train, train, losses.make("triplet"), precision=precision)
    marks: list[float] = []  # after the first step, when all is set up, and before what ends the epoch
    task.score = lambda: marks.append(time.perf_counter()) or 0.5  # type: ignore[method-assign, func-returns-value]

    def stepped(done: int, total: int, note: str) -> None:
        if not marks:
            if device == "cuda":
                torch.cuda.synchronize()
            marks.append(time.perf_counter())

    with TemporaryDirectory() as folder:
        recipe = Recipe(batch=batch, epochs=1)
        trainer = Trainer(task, recipe, 2, Path(folder), "benchmark", checkpoint_seconds=1e9, progress=stepped)
        trainer.run()
    seconds = (marks[1] - marks[0]) * trainer.steps / (trainer.steps - 1)
    case = f"{'joint' if joint else 'cached'} GRU, {precision}, batch {batch}, {device}"
    print(f"{case}: {trainer.steps} steps in {seconds:.0f} s, 30 epochs {seconds / 2:.0f} min", flush=True)


def main() -> int:
    """All cases in processes of their own, or the one that --gru and --precision name."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=("float32", "bfloat16"))
    parser.add_argument("--gru", choices=("joint", "cached"))
    parser.add_argument("--epoch", action="store_true")
    given = parser.parse_args()
    if not 2 <= given.batch <= CAPTIONS:
        parser.error(f"--batch is {given.batch}; it should be 2 to {CAPTIONS}")
    for name in ("steps", "threads"):
        if getattr(given, name) < 1:
            parser.error(f"--{name} is {getattr(given, name)}; it should be at least 1")
    if given.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device is cuda, but torch finds no GPU here; leave it out")
    if not (given.gru and given.precision):
        cases = [
            ["--gru", gru, "--precision", precision]
            for gru in ((given.gru,) if given.gru else ("joint", "cached"))
            for precision in ((given.precision,) if given.precision else ("float32", "bfloat16"))
        ]
        ended = {" ".join(case): subprocess.call([sys.executable, __file__, *sys.argv[1:], *case]) for case in cases}
        for case, code in ended.items():
            if code:
                print(
                    f"{case} {f'was killed by signal {-code}' if code < 0 else f'ended with {code}'}", file=sys.stderr
                )
        return int(any(ended.values()))
    malloc.keep()
    torch.set_num_threads(given.threads)
    if given.epoch:
        epoch(given.device, given.gru == "joint", given.precision, given.batch)
    else:
        steps(given.device, given.gru == "joint", given.precision, given.batch, given.steps, given.threads)
    return 0


if __name__ == "__main__":
    sys.exit(main())
