"""What tests share: no network, no GPU, the same random state for each test, the real data, small videos."""

from __future__ import annotations

import gc
import os
import random
import shutil
import signal
import sys
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

# Before any library reads them, and inherited by the processes that tests start.
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")  # give a device number to run the tests on a GPU
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tensors are tiny here: more threads cost more than they bring
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["LAFF_DECODERS"] = "1"  # each start of one costs more than the few small videos; test_kill.py has several
os.environ["LAFF_TRAININGS"] = "1"  # tests run in parallel already; those of trainings side by side say another number
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.pop("LAFF_PLAIN", None)  # tests of plain operations set it themselves
# Where no byte code may be kept, each of the many processes that tests start compiles our code, and digests it, anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

import av
import numpy as np
import pytest

from tests.forked import Forked
from tests.forking import no_flush

if TYPE_CHECKING:
    from pipeline.outcome import Outcome
    from pipeline.request import Request

gc.disable()  # until all is imported and collected: nothing of that goes away
sys.dont_write_bytecode = False  # as in the processes, see above
os.fsync = no_flush  # here and in what `forked` starts

# A shell starts its background jobs with SIGINT ignored, and what tests start would ignore it too.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent
OPTIONAL = ("decord", "gensim", "pytorchvideo")  # not for each machine and each Python: docs/install.md
NOT_HERE = "{} is not installed here"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests run first, so that none is left for the end when tests run in parallel.

    Each test with the fixture `data` gets the mark `real`, each one with the fixture `gpu` the mark `gpu`.
    """
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    if nodes := misplaced(items):
        raise pytest.UsageError(f"tests that need a GPU belong in files test_gpu….py: {nodes}")
    for item in items:
        for fixture, mark in (("data", pytest.mark.real), ("gpu", pytest.mark.gpu)):
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(mark)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """`-n auto`: a process more than cores, since tests often wait for a process or a page: a tenth less time.

    None leaves the number to pytest-xdist, which reads it from PYTEST_XDIST_AUTO_NUM_WORKERS.
    """
    from pipeline.devices import resources

    return None if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ else resources.cores() + 1


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What is imported by now is never looked at again by the garbage collector: with it a test takes a tenth more."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    gc.enable()


def pytest_unconfigure() -> None:
    """What is frozen lives on at the end, and libraries of bindings would complain about it in a hundred lines."""
    gc.unfreeze()


def misplaced(items: list[pytest.Item]) -> list[str]:
    """Tests with the fixture `gpu` in files in which nobody looks for them."""
    with_gpu = [item for item in items if "gpu" in getattr(item, "fixturenames", ())]
    return [item.nodeid for item in with_gpu if not item.path.name.startswith("test_gpu")]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails for want of a package which not every machine can have is skipped, and says so."""
    report = yield
    if report.failed and (package := wanting(report.longreprtext)):
        report.outcome = "skipped"
        report.longrepr = (str(item.path), item.location[1] or 0, f"Skipped: {NOT_HERE.format(package)}")
    return report


def wanting(text: str) -> str:
    """The package for want of which a test failed with this text: one of OPTIONAL that is not installed; else ''."""
    absent = [name for name in OPTIONAL if find_spec(name) is None]
    said = (" the package {}, which is not installed here", "No module named '{}")
    return next((name for name in absent if any(words.format(name) in text for words in said)), "")


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real data: LAFF_DATA, else ../shared/data beside the checkout.

    Where it is missing the test skips, or fails if LAFF_REQUIRE names data (`make test-real`).
    """
    folder = Path(os.environ.get("LAFF_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        missing = f"no real data at {folder}; set LAFF_DATA to its folder"
        if "data" in os.environ.get("LAFF_REQUIRE", "").split(","):
            pytest.fail(missing)
        pytest.skip(missing)
    return folder


@pytest.fixture
def gpu() -> str:
    """The device "cuda". Skips without a GPU, or fails if LAFF_REQUIRE names gpu; CUDA_VISIBLE_DEVICES=0 shows one."""
    import torch

    if not torch.cuda.is_available():
        missing = "no GPU; give its number in CUDA_VISIBLE_DEVICES"
        if "gpu" in os.environ.get("LAFF_REQUIRE", "").split(","):
            pytest.fail(missing)
        pytest.skip(missing)
    return "cuda"


@pytest.fixture(autouse=True)
def same_signal_handlers() -> Iterator[None]:
    """Take back the handlers that the command leaves, so that Ctrl-C ends pytest as it always does."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def same_random_state() -> Iterator[None]:
    """Each test starts from seed 0 in Python, NumPy and torch, whatever ran before it, and leaves no trace."""
    states = random.getstate(), np.random.get_state()
    torch = sys.modules.get("torch")  # tests that don't need torch should not pay for its import
    torch_state = torch.get_rng_state() if torch else None
    random.seed(0)
    np.random.seed(0)
    if torch:
        torch.manual_seed(0)
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])
    if torch:
        torch.set_rng_state(torch_state)


@pytest.fixture(autouse=True)
def one_vocabulary() -> None:
    """CLIP's tokenizer is made once, not by each of the many small models: it reads 48,894 lines each time."""
    open_clip = sys.modules.get("open_clip")
    if open_clip and isinstance(open_clip.SimpleTokenizer, type):
        open_clip.SimpleTokenizer = cache(open_clip.SimpleTokenizer)  # type: ignore[misc,assignment]


class Clips(Protocol):
    """Writes frames [T, H, W, 3] uint8 RGB (even H and W but for 4:4:4) as a video and returns its path."""

    def __call__(
        self,
        name: str,
        frames: np.ndarray,
        *,
        fps: int = 10,
        codec: str = "libx264",
        pixels: str = "yuv420p",
        degrees: int = 0,
    ) -> Path: ...


@pytest.fixture
def clips(tmp_path: Path) -> Clips:
    """Makes small videos: `clips("a.mp4", frames)` writes tmp_path/a.mp4; the suffix gives the container."""

    def write(
        name: str,
        frames: np.ndarray,
        *,
        fps: int = 10,
        codec: str = "libx264",
        pixels: str = "yuv420p",
        degrees: int = 0,
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with av.open(str(path), "w") as container:
            stream = container.add_stream(codec, rate=fps)
            stream.height, stream.width = frames.shape[1:3]
            stream.pix_fmt = pixels
            if degrees:
                stream.set_display_rotation(degrees)
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            container.mux(stream.encode())
        return path

    return write


@pytest.fixture(scope="session")
def forked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forked]:
    """Starts `laff` as a process in milliseconds: `forked.laff("plan", …)`."""
    processes = Forked(tmp_path_factory.mktemp("forked"))
    yield processes
    processes.close()


# Profile small, made smaller: the whole graph in seconds. Trainings keep several steps, so that a kill can hit one.
TINY = (
    "ingest.shard_videos=8",
    "ingest.shard_captions=32",
    "finetune.epochs=3",
    "finetune.batch=16",
    "x3d.crop=32",
    "x3d.frames=4",
    "gru.hidden=16",
    "gru.fit={epochs: 4, batch: 16}",
    "train.from=[clip-ft, x3d, bow, w2v, gru]",
    "train.heads=2",
    "train.epochs=4",
    "train.lr=0.0003",
    "train.width=64",
    "train.batch=16",
    "train.seeds=[1, 2]",
)


@dataclass(frozen=True)
class Tiny:
    """A small collection of real videos, the shipped graph in profile small, and a workspace."""

    folder: Path
    sets: tuple[str, ...] = TINY

    @property
    def collection(self) -> Path:
        return self.folder / "collection" / "collection.yaml"

    @property
    def videos(self) -> Path:
        return self.folder / "collection" / "videos"

    @property
    def stages(self) -> Path:
        return self.folder / "stages.yaml"

    @property
    def work(self) -> Path:
        return self.folder / "work"

    def request(self, *sets: str) -> Request:
        """What `laff … --yes --set` of these gives to the pipeline."""
        from pipeline.request import Request

        return Request(self.collection, self.work, self.stages, "small", (*self.sets, *sets), replace=True)

    def run(self, *sets: str, targets: tuple[str, ...] = (), retry: bool = False) -> Outcome:
        """`laff run`, in this process."""
        from pipeline.run import run

        return run(self.request(*sets), targets, retry)

    def options(self, *sets: str) -> list[str]:
        """The same for a command line."""
        where = ["-c", str(self.collection), "-w", str(self.work), "--stages", str(self.stages), "--profile", "small"]
        return where + [word for text in (*self.sets, *sets) for word in ("--set", text)]

    def copy(self, folder: Path, work: bool = True) -> Tiny:
        """The same in another folder, to be changed; `work=False` leaves the workspace behind."""
        shutil.copytree(self.folder, folder, ignore=None if work else shutil.ignore_patterns("work"))
        return replace(self, folder=folder)

    def state(self) -> dict[str, tuple[int, int, int]]:
        """{file of the workspace: inode, mtime, size}: what a run leaves alone stays equal. No lock, log or dates."""
        files = {}
        for path in sorted(self.work.rglob("*")):
            if path.is_file() and path.name not in (".lock", "laff.log", "circumstances.json"):
                status = path.stat()
                files[str(path.relative_to(self.work))] = (status.st_ino, status.st_mtime_ns, status.st_size)
        return files


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """12 + 4 + 6 videos and nothing run; copy it before you run or change anything."""
    from pipeline.demo import make_collection

    collection = Tiny(tmp_path_factory.mktemp("tiny"))
    make_collection(collection.folder / "collection", train=12, val=4, test=6)
    # One thread: with two, these small tensors wait for each other wherever another process wants the cores.
    shipped = (ROOT / "stages.yaml").read_text(encoding="utf-8")
    assert shipped.count("threads: 2") == 1
    collection.stages.write_text(shipped.replace("threads: 2", "threads: 1"), encoding="utf-8")
    return collection


@pytest.fixture(scope="session")
def ran(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """The tiny collection with everything run; to be read only, copy it for the rest."""
    copy = tiny.copy(tmp_path_factory.mktemp("ran") / "tiny")
    copy.run()
    return copy


@pytest.fixture(scope="session")
def contents() -> Any:
    """contents(work): {file: its bytes} of all results of a workspace: equal for equal runs.

    Without what holds dates, paths or clocks: the ingest's table, indexes, the ledger, the log of times, checkpoints to
    go on from, the report.
    """

    def look(work: Path) -> dict[str, bytes]:
        kinds = (".h5", "best.pt", ".trec.gz", ".csv", "metrics.json")
        files = sorted(path for path in work.rglob("*") if path.name.endswith(kinds) and path.parent.name != "ingest")
        return {str(path.relative_to(work)): path.read_bytes() for path in files}

    return look
