"""The sample of test: all of a small one, few shards of a large one."""

from __future__ import annotations

import numpy as np

from pipeline.inspection.sample import sample, spread
from pipeline.items.catalog import Catalog
from pipeline.items.splits import SPLITS

TEST = SPLITS.index("test")


def catalog(videos: int, captions: int, shard: int) -> Catalog:
    """Videos of test but for the first, with as many captions each, in shards of so many."""
    split = np.full(videos, TEST)
    split[0] = SPLITS.index("train")
    return Catalog(
        videos=[f"v{number}" for number in range(videos)],
        video_split=split,
        video_shard=np.arange(videos) // shard,
        captions=[f"v{number // captions}#{number % captions}" for number in range(videos * captions)],
        caption_video=np.arange(videos * captions) // captions,
        caption_shard=np.arange(videos * captions) // (shard * captions),
    )


def test_a_small_test_split_is_taken_whole_but_for_lost_videos() -> None:
    part = sample(catalog(5, 2, 2), frozenset({"v2"}))
    assert part.videos.tolist() == [1, 3, 4]
    assert part.captions.tolist() == [2, 3, 6, 7, 8, 9]
    assert part.words == "3 of the 4 videos and 6 of the 8 captions of test"
    assert sample(catalog(5, 2, 2)).words == "all 4 videos and all 8 captions of test"


def test_of_a_large_one_few_shards_are_read() -> None:
    of_many = catalog(10_000, 2, 100)
    part = sample(of_many, most=(300, 200))
    assert len(part.videos) == 300
    assert len(set(of_many.video_shard[part.videos].tolist())) == 4  # the first has one video less
    assert of_many.video_shard[part.videos].min() == 0
    assert of_many.video_shard[part.videos].max() == 99  # spread from the first to the last
    assert len(part.captions) == 200
    assert set(of_many.caption_video[part.captions].tolist()) <= set(part.videos.tolist())


def test_rows_are_spread_evenly() -> None:
    assert spread(np.arange(10), np.zeros(10), 4).tolist() == [0, 3, 6, 9]
    assert spread(np.arange(3), np.zeros(3), 4).tolist() == [0, 1, 2]
