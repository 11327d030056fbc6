"""A part of the test split that is small enough to look into within seconds, however large the collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.assembly import assemble, features
from pipeline.assembly.features import Rows
from pipeline.errors import Unfit
from pipeline.graph.models import Model
from pipeline.graph.options import ModelOptions
from pipeline.inspection.subject import Subject
from pipeline.items.catalog import Catalog
from pipeline.plan.context import Context

VIDEOS = CAPTIONS = 1_000  # of test, at most


@dataclass(frozen=True)
class Sample:
    """Catalog rows of videos of test, and of captions of these."""

    videos: np.ndarray
    captions: np.ndarray
    all_videos: int
    all_captions: int

    @property
    def words(self) -> str:
        """What was looked at."""
        parts = []
        for rows, count, name in (
            (self.videos, self.all_videos, "videos"),
            (self.captions, self.all_captions, "captions"),
        ):
            parts.append(f"all {count:,} {name}" if len(rows) == count else f"{len(rows):,} of the {count:,} {name}")
        return " and ".join(parts) + " of test"


def sample(catalog: Catalog, lost: frozenset[str] = frozenset(), most: tuple[int, int] = (VIDEOS, CAPTIONS)) -> Sample:
    """Videos of test without those in `lost`, and captions of them; at most as many as `most` says.

    Videos are taken from few shards, which are spread evenly, so that few files are read; captions evenly from theirs.
    """
    every = catalog.split_videos("test")
    covered = every[[catalog.videos[row] not in lost for row in every.tolist()]] if lost else every
    chosen = spread(covered, np.asarray(catalog.video_shard)[covered], most[0])
    captions = catalog.split_captions("test")
    described = captions[np.isin(np.asarray(catalog.caption_video)[captions], chosen)]
    kept = spread(described, np.asarray(catalog.caption_shard)[described], most[1])
    return Sample(chosen, kept, len(every), len(captions))


def spread(rows: np.ndarray, shard: np.ndarray, most: int) -> np.ndarray:
    """`most` of the rows at most, in their order, of as few shards as hold so many; shard: that of each row."""
    if len(rows) <= most:
        return rows
    numbers, sizes = np.unique(shard, return_counts=True)
    wanted = max(1, int(np.ceil(most / sizes.mean())))
    places = np.unique(np.linspace(0, len(numbers) - 1, min(wanted, len(numbers))).astype(np.int64))
    inside = rows[np.isin(shard, numbers[places])]
    return inside[np.unique(np.linspace(0, len(inside) - 1, min(most, len(inside))).astype(np.int64))]


def subject(context: Context, model: Model, seeds: Sequence[int], part: Sample) -> Subject:
    """A trained model and the features of a sample that it fuses. Unfit where no video of it has all of them."""
    import torch

    from fusion.features import Split

    torch.set_num_threads(context.graph.threads)
    stage = context.graph.of_step("train")
    encoders = [encoder for encoder in assemble.joints(context, stage) if encoder.name in model.text]
    video, complete = assemble.videos_of(context, model, part.videos)
    videos = part.videos[complete]
    place = np.full(len(context.catalog.videos), -1, np.int64)
    place[videos] = np.arange(len(videos))
    video_of = place[np.asarray(context.catalog.caption_video)[part.captions]]
    captions, video_of = part.captions[video_of >= 0], video_of[video_of >= 0]
    if not len(captions):
        raise Unfit("no video of the sample has all features of the model and a caption")
    joint = stage.options_as(ModelOptions).joint
    text = {name: features.read(context, name, "text", captions)[0] for name in model.text if name not in joint}
    rows = Rows({}, text, videos, captions, video_of)
    split = Split(video, assemble.texts(context, rows, encoders), torch.from_numpy(video_of))  # type: ignore[arg-type]
    return Subject(context, model, tuple(seeds), split, encoders)
