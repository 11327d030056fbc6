"""Coverage: how much of each split has every feature. Queries of the other videos still count, with the last rank."""

from collections.abc import Sequence
from typing import TypedDict

from pipeline.items.splits import SPLITS
from pipeline.plan.context import Context


class Coverage(TypedDict):
    """Coverage of one split, as it stands in metrics.json."""

    videos: int
    covered: int  # videos with every feature
    coverage: float  # their share, 1 where there are no videos
    captions: int


def coverage(context: Context, train: str, pairs: Sequence[str] = ()) -> dict[str, Coverage]:
    """Coverage of each split by the features of a train stage, and by the video features of `pairs` beside them."""
    lost = context.lost(list(dict.fromkeys([*context.features(train)[0], *pairs])))
    splits: dict[str, Coverage] = {}
    for split in SPLITS:
        videos = {context.catalog.videos[row] for row in context.catalog.split_videos(split)}
        covered = len(videos - lost)
        splits[split] = {
            "videos": len(videos),
            "covered": covered,
            "coverage": covered / len(videos) if videos else 1.0,
            "captions": len(context.catalog.split_captions(split)),
        }
    return splits
