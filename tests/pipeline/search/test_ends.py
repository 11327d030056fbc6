"""A window that is listed as longer than its video ends with the video."""

from pathlib import Path

import numpy as np

from pipeline.graph import stages
from pipeline.items.catalog import Catalog
from pipeline.plan.context import Context
from pipeline.rows import shards
from pipeline.search.ends import Ends
from pipeline.store.workspace import Workspace


def test_a_window_ends_with_its_video_at_the_latest(tmp_path: Path) -> None:
    """20-5000 of a video of 32.3 s; one that decode does not tell of, or without times, ends as it is listed."""
    ids = ["long", "inside", "lost", "timeless"]
    starts, ends = np.array([20.0, 5.0, 0.0, 1.0]), np.array([5000.0, 10.0, 7.0, 9.0])
    catalog = Catalog(ids, [""] * 4, starts=starts, ends=ends, video_shard=np.zeros(4, np.int64))
    kept = [0, 1, 3]
    path = tmp_path / "decode" / "00000.h5"
    seconds = {"seconds": np.array([12.3, 5.0, 0.0])}
    shards.write(path, [ids[row] for row in kept], np.zeros((3, 1), np.int64), {}, extra=seconds)
    found = Ends(Context(stages.load(), catalog, Workspace(tmp_path)))
    assert [found.end(row) for row in range(4)] == [32.3, 10.0, 7.0, 9.0]
