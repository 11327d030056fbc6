"""Rows of shards brought together: in the asked order, from many shards, with what is missing told."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from pipeline.assembly import features
from pipeline.errors import LaffError
from pipeline.items.catalog import Catalog
from pipeline.plan.context import Context
from pipeline.plan.steps import units
from pipeline.rows import shards

SPLITS = {
    "train": {"t1": ["a", "b"], "t2": ["c"], "t3": ["d"]},
    "val": {"v1": ["e"]},
    "test": {"s1": ["f"], "s2": ["g", "h"]},
}


@pytest.fixture
def context(collect: Callable[..., Path], surroundings: Callable[..., Context]) -> Context:
    """Videos in shards t1 t2 | t3 v1 | s1 s2; captions in shards t1#0 t1#1 t2#0 t3#0 | v1#0 s1#0 s2#0 s2#1.

    x3d of the nth video is [n, 10 n]; bow of the nth caption counts n in column n.
    """
    finished = surroundings(collect(**SPLITS))
    write(finished, "x3d", lambda rows: np.array([[row, 10 * row] for row in rows], np.float16).reshape(-1, 2))
    write(finished, "bow", lambda rows: csr_matrix(np.diag(np.arange(8, dtype=np.float32))[rows]))
    return finished


def write(
    context: Context, name: str, values: Callable, lost: tuple[str, ...] = (), frames: Callable | None = None
) -> None:
    """Shards of a stage for all items but the lost ones; `frames` gives the counts of a feature of frames."""
    for unit in units(context, name):
        if unit.shard >= 0:
            every = context.catalog.shards(unit.side)[unit.shard]
            kept = [row for row in every if context.catalog.ids(unit.side, [row])[0] not in lost]
            about = {"fingerprint": unit.fingerprint, "content": unit.content, "recipe": json.dumps(unit.recipe)}
            ids, path = context.catalog.ids(unit.side, kept), context.work.folder(name) / unit.key
            shards.write(path, ids, values(kept), about, frames=frames(kept) if frames else None)


def test_dense_rows_in_any_order(context: Context):
    values, present = features.read(context, "x3d", "video", np.array([5, 0, 3, 2, 0]))
    assert values.dtype == np.float32  # stored as float16
    np.testing.assert_array_equal(values, [[5, 50], [0, 0], [3, 30], [2, 20], [0, 0]])
    assert present.all()


def test_sparse_rows_in_any_order(context: Context):
    values, present = features.read(context, "bow", "text", np.array([7, 1, 4, 3]))
    wanted = np.zeros((4, 8))
    wanted[[0, 1, 2, 3], [7, 1, 4, 3]] = [7, 1, 4, 3]
    np.testing.assert_array_equal(values.toarray(), wanted)
    assert present.all()


def test_rows_that_are_missing(context: Context):
    """A whole shard without rows too; what is missing is zero and said to be missing."""
    write(context, "x3d", lambda rows: np.ones((len(rows), 2), np.float32), lost=("t1", "t2", "s1"))
    values, present = features.read(context, "x3d", "video", np.arange(6))
    assert present.tolist() == [False, False, True, True, False, True]
    np.testing.assert_array_equal(values, [[0, 0], [0, 0], [1, 1], [1, 1], [0, 0], [1, 1]])


def test_a_caption_without_sparse_row(context: Context):
    write(context, "bow", lambda rows: csr_matrix(np.ones((len(rows), 8), np.float32)), lost=("t1#1",))
    with pytest.raises(LaffError) as error:
        features.read(context, "bow", "text", np.arange(4))
    assert str(error.value) == "1 captions have no row in a sparse feature; run its stage again"


def test_shards_of_two_widths(context: Context):
    widths = iter([2, 3, 3])
    write(context, "x3d", lambda rows: np.ones((len(rows), next(widths)), np.float32))
    with pytest.raises(LaffError) as error:
        features.read(context, "x3d", "video", np.arange(6))
    assert str(error.value) == "x3d: the rows of one shard are [3], those of another [2]"


def test_no_rows(context: Context):
    """Any shard tells how wide they would be, of sparse features too."""
    for name, side, width in (("x3d", "video", 2), ("bow", "text", 8)):
        values, present = features.read(context, name, side, np.array([], np.int64))
        assert (values.shape, present.shape) == ((0, width), (0,))
    context.catalog = Catalog()
    with pytest.raises(LaffError) as error:
        features.read(context, "x3d", "video", np.array([], np.int64))
    assert str(error.value) == "x3d: the collection has no video items, so there are no rows of them"


FRAMES = np.random.default_rng(3).normal(size=(6, 4, 5)).astype(np.float32)  # of six videos


def count(rows: list[int]) -> np.ndarray:
    """1, 2, 3, 4, 4, 4 frames."""
    return np.minimum(np.asarray(rows, dtype=np.int64) + 1, 4)


def frames(rows: list[int]) -> np.ndarray:
    """FRAMES, with zeros for frames that a video lacks."""
    present = np.arange(4) < count(rows)[:, None]
    return FRAMES[np.asarray(rows, dtype=np.int64)] * present[:, :, None]


def test_a_feature_of_frames_as_it_is(context: Context):
    write(context, "x3d", frames, lost=("s1",), frames=count)
    values, counts = features.read_frames(context, "x3d", np.array([5, 4, 0, 2]))
    assert (values.dtype, counts.dtype) == (np.float32, np.int32)
    assert counts.tolist() == [4, 0, 1, 3]  # s1 has no row
    expected = frames([5, 4, 0, 2])
    expected[1] = 0
    np.testing.assert_array_equal(values, expected)


@pytest.mark.parametrize(("dtype", "close"), [("float32", 1e-6), ("float16", 2e-3)])
def test_a_feature_of_frames_is_read_as_the_mean_over_the_own_ones(context: Context, dtype: str, close: float):
    write(context, "x3d", lambda rows: frames(rows).astype(dtype), lost=("s1",), frames=count)
    values, present = features.read(context, "x3d", "video", np.arange(6))
    assert (values.shape, values.dtype) == ((6, 5), np.float32)
    assert present.tolist() == [True, True, True, True, False, True]
    expected = [FRAMES[row, : min(row + 1, 4)].mean(axis=0) for row in range(6)]
    expected[4] = np.zeros(5)
    np.testing.assert_allclose(values, expected, atol=close)


def test_rows_of_frames_are_not_made_up(context: Context):
    with pytest.raises(LaffError) as error:
        features.read_frames(context, "x3d", np.arange(6))
    assert str(error.value) == "x3d holds one row a video; give it `level: frame` where rows of frames are wanted"


def test_pairs(context: Context):
    pairs = features.pairs(context, "x3d", "train")
    assert pairs.captions == ["a", "b", "c", "d"]
    assert pairs.video_of.tolist() == [0, 0, 1, 2]
    np.testing.assert_array_equal(pairs.videos, [[0, 0], [1, 10], [2, 20]])


def test_pairs_leave_out_videos_without_the_feature(context: Context):
    write(context, "x3d", lambda rows: np.array([[row, 0] for row in rows], np.float32).reshape(-1, 2), lost=("t1",))
    pairs = features.pairs(context, "x3d", "train")
    assert pairs.captions == ["c", "d"]
    assert pairs.video_of.tolist() == [0, 1]
    np.testing.assert_array_equal(pairs.videos, [[1, 0], [2, 0]])


def test_nothing_to_learn_from(context: Context):
    write(context, "x3d", lambda rows: np.ones((len(rows), 2), np.float32), lost=("t1", "t2", "t3"))
    with pytest.raises(LaffError) as error:
        features.pairs(context, "x3d", "train")
    assert str(error.value) == (
        "no video of train has all features and a caption, so there is nothing to learn from; see `laff failures`"
    )


def test_queries_of_no_video_and_videos_without_a_caption(context: Context):
    """The first stand among the captions where test is ranked, with no place; the second among the videos."""
    catalog = context.catalog
    catalog.caption_video[[5, 6]] = -1, 5  # c of s1 asks of no video now; s1 has no caption left
    ranked = features.split_rows(context, ["x3d"], ["bow"], "test", lost=True)
    assert (ranked.videos.tolist(), ranked.captions.tolist()) == ([4, 5], [5, 6, 7])
    assert ranked.video_of.tolist() == [-1, 1, 1]
    assert features.split_rows(context, ["x3d"], ["bow"], "test").captions.tolist() == [6, 7]
    catalog.caption_video[[5, 6, 7]] = -1
    silent = features.split_rows(context, ["x3d"], ["bow"], "test")
    assert (silent.videos.tolist(), silent.captions.tolist(), silent.text["bow"].shape) == ([4, 5], [], (0, 8))


def test_a_split(context: Context):
    rows = features.split_rows(context, ["x3d"], ["bow"], "test")
    assert rows.videos.tolist() == [4, 5]
    assert rows.captions.tolist() == [5, 6, 7]
    assert rows.video_of.tolist() == [0, 1, 1]
    np.testing.assert_array_equal(rows.video["x3d"], [[4, 40], [5, 50]])
    assert rows.text["bow"].toarray()[[0, 1, 2], [5, 6, 7]].tolist() == [5, 6, 7]


def test_a_split_with_a_lost_video(context: Context):
    """Training leaves its captions out; ranking keeps them, without a video."""
    write(context, "x3d", lambda rows: np.array([[row, 0] for row in rows], np.float32).reshape(-1, 2), lost=("s1",))
    rows = features.split_rows(context, ["x3d"], ["bow"], "test")
    assert (rows.videos.tolist(), rows.captions.tolist(), rows.video_of.tolist()) == ([5], [6, 7], [0, 0])
    rows = features.split_rows(context, ["x3d"], ["bow"], "test", lost=True)
    assert (rows.videos.tolist(), rows.captions.tolist(), rows.video_of.tolist()) == ([5], [5, 6, 7], [-1, 0, 0])
    np.testing.assert_array_equal(rows.video["x3d"], [[5, 0]])
    assert rows.text["bow"].shape == (3, 8)


def test_a_caption_without_dense_row(context: Context):
    write(context, "bow", lambda rows: np.ones((len(rows), 8), np.float32), lost=("s2#1",))
    with pytest.raises(LaffError) as error:
        features.split_rows(context, ["x3d"], ["bow"], "test")
    assert str(error.value) == "bow: 1 captions of test have no row (s2#1, …)"
