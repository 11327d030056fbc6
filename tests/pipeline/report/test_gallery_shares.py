"""Shares of features in the vectors of videos, as the vectors stage keeps them."""

import numpy as np

from pipeline.graph import models
from pipeline.report.gallery_shares import shares
from pipeline.rows import flat, shards
from tests.pipeline.kept import Small


def test_shares_of_some_videos_by_the_model_that_keeps_them(small: Small) -> None:
    context = small.context()
    rows = {row.name: row for row in models.rows(context.graph, context.graph.of_step("rank"))}
    videos = [context.catalog.row[video] for video in ("test3", "train3", "train0", "test0")]  # train3 has no vector
    found = shares(context, rows["laff"], 1, videos)
    assert found is not None
    assert found.features == ["one", "other"]
    assert np.isnan(found.values[1]).all()
    np.testing.assert_allclose(found.values[[0, 2, 3]].sum(axis=1), 1, atol=1e-5)
    folder = context.work.folder("vectors") / "laff" / "seed1"
    kept = {}
    for path in folder.glob("*.h5"):
        with flat.opened(path) as file:
            kept |= dict(zip(shards.read_ids(path), file["shares"][:].tolist(), strict=True))
    assert found.values[[0, 2, 3]].tolist() == [kept[video] for video in ("test3", "train0", "test0")]
    assert shares(context, rows["laff"], 2, videos) is None  # of its first seed alone
    assert shares(context, rows["concat"], 1, videos) is None
