"""Frames of the train and val videos for finetune: decoded once, and kept on disk until finetune is done.

The cache may be deleted at any time; a run that needs it decodes again.
"""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from extractors.base import Pairs, Sampling
from pipeline import files, progress
from pipeline.assembly.features import check_learnable, paired_captions
from pipeline.errors import LaffError
from pipeline.extraction.clips import clips
from pipeline.extraction.decoding import Pass
from pipeline.extraction.sweep import sweep
from pipeline.extraction.target import Target
from pipeline.graph.graph import Stage
from pipeline.graph.options import DecodingLimits
from pipeline.parts import code
from pipeline.plan.context import Context
from pipeline.plan.fingerprints import SHAPE_NOTHING
from pipeline.plan.units import lost_before
from pipeline.rows import shards

if TYPE_CHECKING:
    from torch import Tensor

FOLDER = "frames"
IN_MEMORY = 2 << 30  # bytes; a larger cache is read from disk row by row


class Frames:
    """A feature that stores the frames themselves, and how many of them a video really has."""

    level = "frame"

    def __init__(self, sampling: Sampling) -> None:
        self.sampling = sampling
        self.dim = sampling.crop**2 * 3

    def extract(self, frames: "Tensor") -> "Tensor":
        """[B, M, T, H, W, 3] uint8 -> [B, M*T, H*W*3] uint8."""
        return frames.flatten(3).flatten(1, 2)


class Videos:
    """Frames of V videos, taken by an array of row numbers: [n] -> [n, T, H, W, 3] uint8."""

    def __init__(self, places: list[tuple[Path, int]], shape: tuple[int, ...]) -> None:
        """places: file and row of each video; shape: (T, H, W, 3)."""
        self.places, self.shape = places, shape
        self._open: dict[Path, Any] = {}
        size = len(places) * int(np.prod(shape))
        self._memory = self._read(np.arange(len(places))) if size <= IN_MEMORY else None

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        return self._memory[rows] if self._memory is not None else self._read(rows)

    def _read(self, rows: np.ndarray) -> np.ndarray:
        import h5py

        frames = np.empty((len(rows), *self.shape), np.uint8)
        for number, row in enumerate(rows):
            path, place = self.places[row]
            if path not in self._open:
                self._open[path] = h5py.File(path)["values"]
            frames[number] = self._open[path][place].reshape(self.shape)
        return frames


def pairs(context: Context, stage: Stage, sampling: Sampling) -> tuple[Pairs, Pairs, list[dict[str, str]]]:
    """Pairs of captions and frames of train and of val, and the ledger's lines of videos that could not be read.

    Frames that the cache lacks are decoded first.
    """
    catalog = context.catalog
    # Only videos of train that have captions are learned from.
    described = np.unique(np.asarray(catalog.caption_video)[catalog.split_captions("train")])
    members = {int(row) for part in (described, catalog.split_videos("val")) for row in part}
    folder = context.work.folder(stage.name) / FOLDER
    # The cache depends on the sampling and the files, not on how the model is trained.
    digests = code.digests(["pipeline.extraction", "pipeline.rows", "pipeline.video"], leave=SHAPE_NOTHING)
    fingerprint = files.digest(
        [sampling.__dict__, context.recipe(stage.name)["decoder"], sorted(digests.values()), Frames.level]
    )[:32]
    jobs, paths = [], []
    for number, shard in enumerate(catalog.shards("video")):
        rows = [int(row) for row in shard if int(row) in members]
        if not rows:
            continue
        path = (folder / f"{number:05d}.h5").absolute()
        paths.append(path)
        video_ids = {catalog.videos[row] for row in rows}
        unread = sorted(video_ids & lost_before(context, stage))
        content = files.digest([catalog.content("video", np.array(rows)), unread])
        marks = shards.marks(path) if path.is_file() else None
        retried = context.retry and marks is not None and bool(marks["failed"])
        if marks and not retried and (marks["fingerprint"], marks["content"]) == (fingerprint, content):
            continue
        missing_clips = [clip for clip in clips(context, stage.name, number) if clip.id in video_ids]
        target = Target(stage.name, path.name, path, Frames(sampling), fingerprint, content, {}, "cpu", 1, "uint8")
        limits = stage.options_as(DecodingLimits)
        decoder = context.graph.decoder(stage.name)
        jobs.append(Pass(missing_clips, [target], context.graph.threads, limits.timeout, limits.memory, decoder))
    if jobs:
        size = sampling.views * sampling.frames * jobs[0].targets[0].part.dim
        _check_room(stage, folder, sum(len(job.clips) for job in jobs) * size)
        with progress.bar(f"{stage.name} (frames)", sum(len(job.clips) for job in jobs), "video") as bar:
            for _ in context.tasks.each(sweep, jobs, bar):
                pass
    shape = (sampling.views * sampling.frames, sampling.crop, sampling.crop, 3)
    places: dict[str, tuple[Path, int]] = {}
    counts: dict[str, int] = {}  # id -> frames that the video really has
    for path in paths:
        ids = shards.read_ids(path)
        places |= {id_: (path, row) for row, id_ in enumerate(ids)}
        counts |= dict(zip(ids, shards.column(path, "frames").tolist(), strict=True))
    failed = [line for path in paths for line in shards.read_failed(path)]
    train, val = (_pairs(context, split, places, counts, shape) for split in ("train", "val"))
    return train, val, failed


def _check_room(stage: Stage, folder: Path, size: int) -> None:
    """Raise LaffError before anything is decoded if the disk cannot hold `size` bytes of frames."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if size > free:
        raise LaffError(
            f"'{stage.name}' keeps {size / 1e9:.1f} GB of frames in {folder} while it learns, but {free / 1e9:.1f} GB "
            f"are free; make room, or give it fewer frames (--set {stage.name}.frames=N)"
        )


def _pairs(
    context: Context, split: str, places: dict[str, tuple[Path, int]], counts: dict[str, int], shape: tuple[int, ...]
) -> Pairs:
    """The captions of a split whose videos have frames, with these frames.

    places: file and row of each video; counts: frames that it really has; shape: (T, H, W, 3).
    """
    catalog = context.catalog
    videos = np.array([row for row in catalog.split_videos(split) if catalog.videos[row] in places], dtype=np.int64)
    captions, video_of = paired_captions(context, split, videos)
    check_learnable(split, captions)
    texts = [catalog.texts[row] for row in captions]
    ids = [catalog.videos[row] for row in videos]
    own_frames = np.array([counts[id_] for id_ in ids], dtype=np.int64)
    return Pairs(texts, video_of, Videos([places[id_] for id_ in ids], shape), own_frames)
