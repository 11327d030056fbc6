"""Which shard each item is in, read from shards alone."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.items.collection import Collection, load
from pipeline.items.recovered import recovered
from pipeline.rows import shards
from pipeline.store import ledger

CAPTIONS = {"train": ("a", "b", "c", "d"), "val": ("v",), "test": ("t", "u")}


@pytest.fixture
def listed(collect: Callable[..., Path]) -> Collection:
    """Videos a b c d v t u, in this order, each with a caption."""
    return load(collect(**{split: {video: [f"one of {video}"] for video in some} for split, some in CAPTIONS.items()}))


def shard(path: Path, ids: str, failed: str = "", order: str = "") -> None:
    lines = [ledger.line(video, "decode", "broken") for video in failed.split()]
    shards.write(path, ids.split(), np.zeros((len(ids.split()), 1)), {}, lines, order=order.split())


def test_nothing_stands(tmp_path: Path, listed: Collection):
    assert recovered(tmp_path / "none", listed).videos == []
    assert recovered(tmp_path, listed).captions == []


def test_both_sides_in_the_order_of_the_shards(tmp_path: Path, listed: Collection):
    """Which is not that of the lists where items were added; an id that is no longer listed is left out."""
    shard(tmp_path / "decode" / "00000.h5", "c gone a")
    shard(tmp_path / "decode" / "00002.h5", "b t")
    shard(tmp_path / "bow" / "00000.h5", "c#0 a#0 gone#0 v#0")
    shard(tmp_path / "clip-ft" / "text" / "00000.h5", "c#0 a#0 v#0")
    shard(tmp_path / "finetune" / "frames" / "00001.h5", "u")  # no feature
    catalog = recovered(tmp_path, listed)
    assert (catalog.videos, catalog.video_shard.tolist()) == (["c", "a", "b", "t"], [0, 0, 2, 2])
    assert catalog.video_split.tolist() == [0, 0, 0, 2]
    assert (catalog.captions, catalog.caption_shard.tolist()) == (["c#0", "a#0", "v#0"], [0, 0, 0])


def test_videos_without_a_row_stand_where_they_stood(tmp_path: Path, listed: Collection):
    """Whatever the lists say now: in their order the shard would hold other items than those that it was made of."""
    shard(tmp_path / "decode" / "00000.h5", "b d", "a gone v", order="gone b v d a")
    shard(tmp_path / "decode" / "00001.h5", "", "u t", order="u t")
    shard(tmp_path / "x3d" / "00000.h5", "d", "b", order="b d")
    catalog = recovered(tmp_path, listed)
    assert (catalog.videos, catalog.video_shard.tolist()) == (list("bvdaut"), [0] * 4 + [1] * 2)


def test_videos_without_a_row_in_shards_of_earlier_versions_stand_where_they_are_listed(
    tmp_path: Path, listed: Collection
):
    """Only decode tells of them; whichever folder comes first in the alphabet."""
    shard(tmp_path / "alpha" / "00000.h5", "b d")
    shard(tmp_path / "decode" / "00000.h5", "b d", "v a c")
    shard(tmp_path / "decode" / "00001.h5", "", "t u")
    catalog = recovered(tmp_path, listed)
    assert (catalog.videos, catalog.video_shard.tolist()) == (list("abcdvtu"), [0] * 5 + [1] * 2)


def test_a_video_that_came_back_is_in_the_later_shard(tmp_path: Path, listed: Collection):
    """A feature that is no longer used may still hold it in the earlier one."""
    shard(tmp_path / "decode" / "00000.h5", "a b c")  # was not made again before the table went
    shard(tmp_path / "decode" / "00001.h5", "d b")
    shard(tmp_path / "old" / "00000.h5", "a b v")
    (tmp_path / "old" / "00001.h5").write_bytes(b"damaged")
    catalog = recovered(tmp_path, listed)
    assert (catalog.videos, catalog.video_shard.tolist()) == (["a", "c", "v", "d", "b"], [0, 0, 0, 1, 1])
