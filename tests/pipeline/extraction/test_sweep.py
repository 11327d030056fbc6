"""One pass over a shard: what it writes, what a failed video or a full GPU costs, how far decoders run ahead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch

from extractors.base import Sampling
from pipeline.build.loaded import Loaded
from pipeline.devices.worker_devices import Devices
from pipeline.errors import LaffError
from pipeline.extraction.batch_size import BatchSizes
from pipeline.extraction.decoding import Clip, Decoders, Pass
from pipeline.extraction.stream import Stream
from pipeline.extraction.sweep import sweep
from pipeline.extraction.target import Target
from pipeline.rows import shards
from pipeline.workers.tasks import Serial
from pipeline.workers.worker import Worker

# What says that a GPU's memory ran out.
TORCHS = torch.OutOfMemoryError("tried to allocate 2.00 GiB. Not enough.")
CUBLASS = RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
CUDNNS = RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED")


class Mean:
    """Mean of all values and of the first frame's, D = 2; notes the batches that it is given."""

    sides = ("video",)
    dim = 2

    def __init__(self, fits: int = 99, frames: int = 3, error: RuntimeError = TORCHS) -> None:
        self.sampling = Sampling(frames=frames, size=16, crop=16)
        self.fits, self.error = fits, error
        self.batches: list[int] = []
        self.refused = 0

    def extract(self, frames: torch.Tensor) -> torch.Tensor:
        if len(frames) > self.fits:
            self.refused += 1
            raise self.error
        self.batches.append(len(frames))
        flat = frames.float().flatten(1)
        return torch.stack([flat.mean(1), frames[:, 0, 0].float().flatten(1).mean(1)], 1)


class Product:
    """What a matrix product of ones gives, D = 1: its dtype shows the precision."""

    sides = ("video",)
    dim = 1
    sampling = Sampling(frames=1, size=16, crop=16)

    def extract(self, frames: torch.Tensor) -> torch.Tensor:
        products = torch.full((len(frames), 1), 1 + 2**-10) @ torch.ones(1, 1)
        self.dtype = products.dtype
        return products


@pytest.fixture(autouse=True)
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """A worker with two decoders, that has loaded nothing."""
    monkeypatch.setenv("LAFF_DECODERS", "2")
    empty = Worker()
    yield empty
    empty.close()


@pytest.fixture
def videos(clips: Any) -> list[Clip]:
    """Ten clips, each of one grey: video n shows 20 n."""
    listed = []
    for number in range(10):
        path = clips(f"{number}.mp4", np.full((6, 32, 32, 3), 20 * number, np.uint8))
        listed.append(Clip(f"v{number}", str(path), 6, 10.0))
    return listed


def target(folder: Path, part: Any, name: str = "mean", **more: Any) -> Target:
    return Target(
        name, "00000.h5", folder / name / "00000.h5", part, "print", "content", {}, "cpu", 4, "float32", **more
    )


def work(clips: list[Clip], *targets: Target, **more: Any) -> Pass:
    return Pass(clips, list(targets), 1, 60.0, 4.0, **more)


def greys(path: Path) -> dict[str, int]:
    """{video: its grey, to the nearest 20}."""
    shard = shards.read(path)
    return dict(zip(shard.ids, np.round(shard.values[:, 0] / 20).astype(int).tolist(), strict=True))


def test_rows_stand_in_the_order_of_clips_for_every_target(worker: Worker, videos: list[Clip], tmp_path: Path) -> None:
    one, other = target(tmp_path, Mean(), "one"), target(tmp_path, Mean(frames=1), "other")
    finished = sweep(work(videos, one, other), worker)
    assert [(m.stage, m.rows, m.failed) for m in finished] == [("one", 10, []), ("other", 10, [])]
    for goal in (one, other):
        assert greys(goal.path) == {f"v{n}": n for n in range(10)}


def test_a_lost_video_keeps_its_slot_and_costs_its_row(worker: Worker, videos: list[Clip], tmp_path: Path) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(b"no video")
    some = [*videos[:2], Clip("lost", "nowhere", lost=True), Clip("broken", str(broken), 6, 10.0), *videos[2:]]
    part = Mean()
    (shard,) = sweep(work(some, target(tmp_path, part)), worker)
    assert part.batches == [4, 4, 4]  # 12 slots, whatever became of them
    assert greys(tmp_path / "mean" / "00000.h5") == {f"v{n}": n for n in range(10)}
    assert [line["video"] for line in shard.failed] == ["broken"]  # decode has told of the other
    tried = ["v0", "v1", "broken", *(f"v{n}" for n in range(2, 10))]
    assert shards.read_members(tmp_path / "mean" / "00000.h5") == tried


def test_a_shard_is_the_same_file_in_any_company(worker: Worker, clips: Any, tmp_path: Path) -> None:
    """Beside features that want few or many frames: of a whole video, a damaged one, and one that is mostly lost."""
    noise = np.random.default_rng(0).integers(0, 256, (120, 48, 64, 3), dtype=np.uint8)
    path = clips("whole.mp4", noise)
    with av.open(str(path)) as container:
        places = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    videos = [Clip("whole", str(path), 120, 10.0, 120, "its packets", 60)]
    for name, lost in (("damaged", range(60, 70)), ("mostly lost", range(20, 100))):
        content = bytearray(path.read_bytes())
        for at, size in (places[number] for number in lost):
            content[at : at + size] = bytes(size)
        (tmp_path / f"{name}.mp4").write_bytes(content)
        videos.append(Clip(name, str(tmp_path / f"{name}.mp4"), 120, 10.0, 120, "its packets", 60))
    goals = {}
    for name, others in {"alone": [], "few": [1], "many": [120], "all": [2, 50, 120]}.items():
        folder = tmp_path / name
        beside = [target(folder, Mean(frames=frames), f"other{frames}") for frames in others]
        goals[name] = target(folder, Mean(frames=3))
        shard = sweep(work(videos, *beside, goals[name]), worker)[-1]
        assert (shard.rows, [line["video"] for line in shard.failed]) == (2, ["mostly lost"])
    assert len({goal.path.read_bytes() for goal in goals.values()}) == 1
    assert shards.column(goals["all"].path, "expected").tolist() == [120, 120]
    first, second = shards.column(goals["all"].path, "decoded").tolist()
    assert first == 120 > second > 60


def test_decord_gives_the_same_file_in_any_company(worker: Worker, clips: Any, tmp_path: Path) -> None:
    """Of a plain video, one of ten bits, which it sees in colours of its own, and a small one, which it cannot read."""
    noise = np.random.default_rng(0).integers(0, 256, (120, 48, 64, 3), dtype=np.uint8)
    paths = [clips("plain.mp4", noise), clips("deep.mp4", noise, pixels="yuv420p10le")]
    paths.append(clips("small.mp4", noise[:, :16, :16]))
    videos = [Clip(path.stem, str(path), 120, 10.0, 120, "its packets", 60) for path in paths]
    goals = {}
    for name, others in {"pyav": [], "alone": [], "few": [1], "many": [2, 50, 120]}.items():
        folder = tmp_path / name
        beside = [target(folder, Mean(frames=frames), f"other{frames}") for frames in others]
        goals[name] = target(folder, Mean())
        decoder = "pyav" if name == "pyav" else "decord"
        shard = sweep(work(videos, *beside, goals[name], decoder=decoder), worker)[-1]
        lost = [(line["video"], line["decoder"], line["reason"].partition(",")[0]) for line in shard.failed]
        assert lost == ([] if name == "pyav" else [("small", "decord", "decord gives a frame of shape [16")])
    theirs = goals.pop("pyav").path
    (ours,) = {goal.path.read_bytes() for goal in goals.values()}
    (tmp_path / "ours.h5").write_bytes(ours)
    shard_here, other = shards.read(tmp_path / "ours.h5"), shards.read(theirs)
    assert (shard_here.ids, other.ids) == (["plain", "deep"], ["plain", "deep", "small"])
    assert shard_here.values[0].tolist() == other.values[0].tolist()
    assert shard_here.values[1].tolist() != other.values[1].tolist()
    assert shard_here.attributes["decoder"].startswith("decord ")
    assert other.attributes["decoder"].startswith("av ")


@pytest.mark.parametrize("error", [TORCHS, CUBLASS, CUDNNS], ids=["torch", "cublas", "cudnn"])
@pytest.mark.parametrize(("fits", "batches"), [(4, [4, 4, 2]), (3, [2, 2, 2, 2, 2]), (1, [1] * 10)])
def test_out_of_memory_halves_the_batch_and_goes_on(
    worker: Worker,
    videos: list[Clip],
    tmp_path: Path,
    fits: int,
    batches: list[int],
    error: RuntimeError,
    capfd: pytest.CaptureFixture[str],
) -> None:
    part = Mean(fits, error=error)
    sweep(work(videos, target(tmp_path, part)), worker)
    assert part.batches == batches
    assert greys(tmp_path / "mean" / "00000.h5") == {f"v{n}": n for n in range(10)}
    assert ("mean: out of memory on cpu; going on with batch" in capfd.readouterr().err) == (fits < 4)


def test_what_was_halved_for_one_shard_is_not_tried_again_at_the_next(
    serial: Serial, videos: list[Clip], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    part = Mean(fits=3)
    jobs = [work(videos, target(tmp_path / name, part)) for name in "ab"]
    list(serial.each(sweep, jobs))
    assert part.batches == [2] * 10
    assert part.refused == 1
    assert capfd.readouterr().err.count("going on with batch 2") == 1


def test_batch_auto_is_what_a_gpu_takes(
    worker: Worker, videos: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goal = target(tmp_path, part := Mean())
    goal.batch = "auto"
    sweep(work(videos, goal), worker)
    assert part.batches == [8, 2]  # a CPU is not tried
    look = BatchSizes.videos
    monkeypatch.setattr(BatchSizes, "videos", lambda self, known, _, *more: look(self, known, "cuda", *more))
    worker.forget(Loaded)
    goal.part = part = Mean(fits=5)
    sweep(work(videos, goal), worker)
    assert part.batches == [2, 4, 4, 4, 2]  # two tries that fit, then the videos
    assert greys(tmp_path / "mean" / "00000.h5") == {f"v{n}": n for n in range(10)}


def test_another_error_is_no_lack_of_memory(worker: Worker, videos: list[Clip], tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="an illegal memory access") as caught:
        sweep(work(videos, target(tmp_path, Mean(fits=3, error=RuntimeError("an illegal memory access")))), worker)
    assert "in stage 'mean', Mean.extract" in caught.value.__notes__


def test_one_video_that_is_too_much_is_told(worker: Worker, videos: list[Clip], tmp_path: Path) -> None:
    with pytest.raises(
        LaffError, match=r"mean: one video alone needs more memory than cpu has free \(tried to allocate"
    ):
        sweep(work(videos, target(tmp_path, Mean(fits=0))), worker)
    assert not (tmp_path / "mean").exists()


@pytest.mark.parametrize(
    ("precision", "dtype", "value"),
    # 1 + 2^-10 has 10 bits behind the point: float16 keeps it, bfloat16 with its 7 does not
    [("auto", torch.float32, 1 + 2**-10), ("float16", torch.float16, 1 + 2**-10), ("bfloat16", torch.bfloat16, 1.0)],
)
def test_precision_is_that_of_the_arithmetic_and_not_of_the_rows(
    worker: Worker, videos: list[Clip], tmp_path: Path, precision: str, dtype: torch.dtype, value: float
) -> None:
    part = Product()
    sweep(work(videos[:1], target(tmp_path, part, precision=precision)), worker)
    shard = shards.read(tmp_path / "mean" / "00000.h5")
    assert part.dtype == dtype
    assert shard.values.dtype == np.float32
    assert shard.values.tolist() == [[value]]
    assert shard.attributes["precision"] == f"{precision.replace('auto', 'float32')} on cpu"


class Each:
    """Mean of each frame, D = 1; of frames that show 100, which is video 5, the square root of -1."""

    sides = ("video",)
    dim = 1
    level = "frame"
    sampling = Sampling(4, 16, 16, stride=3, rule="first")

    def extract(self, frames: torch.Tensor) -> torch.Tensor:
        means = frames.float().mean(dim=(3, 4, 5)).flatten(1)[:, :, None]
        return torch.where((means / 20).round() == 5, torch.nan, means)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_rows_of_frames_come_with_how_many_are_the_videos(
    worker: Worker, videos: list[Clip], tmp_path: Path, dtype: str
) -> None:
    goal = target(tmp_path, Each(), "each")
    goal.dtype = dtype
    (finished,) = sweep(work(videos, goal), worker)
    assert [(line["video"], line["exception"]) for line in finished.failed] == [("v5", "NotFinite")]
    shard = shards.read(goal.path)
    kept = [n for n in range(10) if n != 5]
    assert shard.ids == [f"v{n}" for n in kept]
    assert (shard.values.shape, shard.values.dtype) == ((9, 4, 1), np.dtype(dtype))
    assert shard.frames is not None
    assert shard.frames.tolist() == [2] * 9  # of six frames, 0 and 3; 6 and 9 are beyond the end
    assert np.round(shard.values[:, 1, 0].astype(float) / 20).tolist() == kept
    assert not np.asarray(shard.values)[:, 2:].any()
    assert shard.attributes["level"] == "frame"


def test_shards_one_behind_the_other_are_not_mixed_up(serial: Serial, videos: list[Clip], tmp_path: Path) -> None:
    jobs = [work(videos[:4], target(tmp_path / "a", Mean())), work(videos[4:], target(tmp_path / "b", Mean()))]
    assert len(list(serial.each(sweep, jobs))) == 2
    assert serial.worker.kept(Decoders).begun is None
    assert greys(tmp_path / "a" / "mean" / "00000.h5") == {f"v{n}": n for n in range(4)}
    assert greys(tmp_path / "b" / "mean" / "00000.h5") == {f"v{n}": n for n in range(4, 10)}


def test_a_pass_that_fails_leaves_nothing_begun(serial: Serial, videos: list[Clip], tmp_path: Path) -> None:
    jobs = [work(videos[:4], target(tmp_path, Mean(fits=0))), work(videos[4:], target(tmp_path, Mean(), "b"))]
    decoders = serial.worker.kept(Decoders)
    with pytest.raises(LaffError):
        list(serial.each(sweep, jobs))
    serial.close()
    assert decoders.begun is None
    assert len(list(serial.each(sweep, jobs[1:]))) == 1


def test_all_parts_of_a_pass_are_loaded_before_the_first_looks_for_its_batch(
    worker: Worker, videos: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They share a GPU's memory: one that fills it alone leaves none for the next."""
    order: list[str] = []

    class Large(Mean):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def load(self, device: str, weights: Path | None) -> None:
            order.append(f"{self.name} is loaded")

    def look(self: BatchSizes, known: str, device: str, *given: Any) -> int:
        order.append(f"{known[0]} looks, beside {len(given[-1])}")
        return 4

    monkeypatch.setattr(BatchSizes, "videos", look)
    goals = [target(tmp_path, Large(name), name) for name in "ab"]
    for goal in goals:
        goal.batch = "auto"
    sweep(work(videos[:2], *goals), worker)
    assert order == ["a is loaded", "b is loaded", "a looks, beside 1", "b looks, beside 1"]


def test_what_a_stream_uses_is_closed_after_it(
    worker: Worker, videos: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its thread would begin the next pass, and start decoders anew, while the worker ends."""
    sweep(work(videos[:2], target(tmp_path, Mean())), worker)
    order: list[type] = []
    forget = Worker.forget
    monkeypatch.setattr(Worker, "forget", lambda self, kind: (order.append(kind), forget(self, kind)))
    worker.close()
    assert all(order.index(Stream) < order.index(kind) for kind in (Decoders, Devices, Loaded))


def test_a_weight_file_that_a_worker_does_not_see_is_told(worker: Worker, videos: list[Clip], tmp_path: Path) -> None:
    with pytest.raises(LaffError, match=r"mean: /nowhere/x.pth is not there, seen from"):
        sweep(work(videos, target(tmp_path, Mean(), weights=Path("/nowhere/x.pth"))), worker)


def test_more_frames_may_be_expected_than_32_bits_can_count(worker: Worker, videos: list[Clip], tmp_path: Path) -> None:
    most = replace(videos[0], expected=29_999_999_997, expected_by="the container's duration")
    (shard,) = sweep(work([most], target(tmp_path, Mean())), worker)
    assert shard.rows == 1
    assert shards.column(tmp_path / "mean" / "00000.h5", "expected").tolist() == [29_999_999_997]
