"""How much of each split has every feature: what the others lack is a rank at the end, not a query less."""

from collections.abc import Sequence
from typing import Any

from pipeline.items.splits import SPLITS
from pipeline.plan.context import Context


def coverage(context: Context, train: str, pairs: Sequence[str] = ()) -> dict[str, dict[str, Any]]:
    """Of each split: its videos, those with every feature, their share, and its captions.

    pairs: video features that are ranked beside those that the train stage fuses.
    """
    lost = context.lost(list(dict.fromkeys([*context.features(train)[0], *pairs])))
    found: dict[str, dict[str, Any]] = {}
    for split in SPLITS:
        videos = {context.catalog.videos[row] for row in context.catalog.split_videos(split)}
        kept = len(videos - lost)
        captions = len(context.catalog.split_captions(split))
        found[split] = {
            "videos": len(videos),
            "covered": kept,
            "coverage": kept / len(videos) if videos else 1.0,
            "captions": captions,
        }
    return found
