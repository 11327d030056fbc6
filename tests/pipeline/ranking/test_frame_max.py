"""The best items scored again by their best frame: by hand, and against loops over all frames."""

import numpy as np
import pytest
import torch

from pipeline.ranking import frame_max
from pipeline.ranking.frame_max import FrameMax, of_frames, rescored
from tests.pipeline.ranking.matrix import Matrix

SCORES = np.array([[0.75, 0.5, 0.25, 0.0]], np.float32)
FRAMES = np.array([[0.25, 0.75, 1.0, 1.0]], np.float32)


def test_by_hand() -> None:
    """Best: the first two, 0.25 * 0.75 + 0.75 * 0.25 = 0.375 and 0.25 * 0.5 + 0.75 * 0.75 = 0.6875.

    The others lie below 0.375 as far as they did below 0.5: by 0.25 and 0.5.
    """
    assert rescored(SCORES, FRAMES, 2, 0.25).tolist() == [[0.375, 0.6875, 0.125, -0.125]]


def test_all_are_the_best() -> None:
    """0.5 of both scores, each a number that a float holds exactly."""
    assert rescored(SCORES, FRAMES, 9, 0.5).tolist() == [[0.5, 0.625, 0.625, 0.5]]
    assert rescored(SCORES, FRAMES, 4, 1.0).tolist() == SCORES.tolist()


def test_min_max_is_over_the_best() -> None:
    """Of the best three: scores 1, 0.5, 0, frames 0, 2/3, 1; the mean of both. The last is 0.25 below."""
    found = rescored(SCORES, FRAMES, 3, 0.5, min_max=True)[0]
    assert found == pytest.approx([0.5, 7 / 12, 0.5, 0.25])
    same = np.zeros((1, 4), np.float32)
    assert rescored(same, FRAMES, 2, 0.5, min_max=True)[0] == pytest.approx(
        [0, 1 / 3, 0.5, 0.5]
    )  # all tie, so all are best


def test_all_that_tie_with_the_last_of_the_best_are_scored_again() -> None:
    scores = np.array([[0.5, 0.25, 0.25, 0.0]], np.float32)
    assert rescored(scores, FRAMES, 2, 0.0).tolist() == [[0.25, 0.75, 1.0, 0.0]]


def test_the_others_stay_below_in_their_order() -> None:
    """Also where a step is lost in rounding: 1e-30 below the edge."""
    scores = np.array([[1.0, 0.0, -1e-30, -1e-3]], np.float32)
    found = rescored(scores, np.array([[4.0, 5.0, 9.0, 9.0]], np.float32), 2, 0.0)[0]
    assert found.tolist()[:2] == [4.0, 5.0]
    assert 4.0 > found[2] > found[3]


@pytest.mark.parametrize("most", [1 << 26, 30])
def test_the_best_frame_of_each_video(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loops over the frames of 9 videos with 1 to 5 frames; all of them and some, in one part and in many."""
    monkeypatch.setattr(frame_max, "SCORES", most)
    generator = np.random.default_rng(0)
    counts = np.array([1, 5, 2, 3, 1, 4, 2, 2, 5])
    starts = np.concatenate([[0], counts.cumsum()])
    texts, frames = (generator.standard_normal((n, 6)).astype(np.float32) for n in (7, counts.sum()))
    score = of_frames(texts, frames, starts)
    unit_texts, unit_frames = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (texts, frames))
    wanted = np.array(
        [
            [max(float(text @ unit_frames[f]) for f in range(*starts[v : v + 2])) for v in range(9)]
            for text in unit_texts
        ]
    )
    np.testing.assert_allclose(score(torch.arange(7), torch.arange(9)), wanted, atol=1e-6)
    some = score(torch.tensor([5, 0]), torch.tensor([8, 2, 3]))
    np.testing.assert_allclose(some, wanted[[5, 0]][:, [8, 2, 3]], atol=1e-6)


def test_both_ways_without_the_videos_that_have_no_frames() -> None:
    """Three captions, videos x, y, z of which y has no frames. k = 1, weight 0.

    Captions a (0.9, 0.8, 0.1): x is best and gets its frame's 0.2, z is 0.8 below. Videos x (0.9, 0.3, 0.5) find a
    and c, b is a query that nobody looks for: a gets 0.2, c is 0.4 below.
    """
    scores = Matrix([[0.9, 0.8, 0.1], [0.3, 0.8, 0.2], [0.5, 0.8, 0.7]])
    frames = Matrix([[0.2, 0.4], [0.9, 0.9], [0.6, 0.5]])
    mixed = FrameMax(scores, frames, np.array([0, 2]), np.array([0, 2]), (1, 0.0, False))
    assert mixed.of_captions(np.arange(3)) == pytest.approx(
        np.array([[0.2, -0.6], [0.9, 0.8], [0.4 - 0.1, 0.5]]), abs=1e-6
    )
    assert mixed.of_videos(np.arange(2)) == pytest.approx(np.array([[0.2, 0.3, -0.2], [-0.1, 0.2, 0.5]]), abs=1e-6)
