"""Shares of features in the vectors of videos, as the vectors stage keeps them or as they are measured."""

from pathlib import Path

import numpy as np

from pipeline.graph import models
from pipeline.report.gallery_shares import kept_shares, measured_shares
from pipeline.report.inspected import inspected
from pipeline.report.kept import Kept
from pipeline.report.material import Material
from pipeline.rows import flat, shards
from tests.pipeline.kept import Small


def test_shares_of_some_videos_by_the_model_that_keeps_them(small: Small) -> None:
    context = small.context()
    rows = {row.name: row for row in models.rows(context.graph, context.graph.of_step("rank"))}
    videos = [context.catalog.row[video] for video in ("test3", "train3", "train0", "test0")]  # train3 has no vector
    found = kept_shares(context, rows["laff"], 1, videos)
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
    assert kept_shares(context, rows["laff"], 2, videos) is None  # of its first seed alone
    assert kept_shares(context, rows["concat"], 1, videos) is None


def test_measured_shares_are_those_that_would_be_kept(small: Small, tmp_path: Path) -> None:
    context = small.context()
    model = inspected(Material(context, context.graph.of_step("report")), Kept(tmp_path))
    assert model is not None
    row = next(row for row in models.rows(context.graph, context.graph.of_step("rank")) if row.name == "laff")
    videos = [*context.catalog.split_videos("test").tolist(), context.catalog.row["train0"]]
    found, kept = measured_shares(model, 1, videos), kept_shares(context, row, 1, videos)
    assert found is not None
    assert kept is not None
    assert found.features == kept.features
    np.testing.assert_allclose(found.values[:-1], kept.values[:-1], atol=0.0006)
    assert np.isnan(found.values[-1]).all()  # not of test
