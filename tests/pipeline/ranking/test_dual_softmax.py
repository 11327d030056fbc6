"""Dual softmax at inference: by hand, and against the formula written out on whole matrices."""

import numpy as np
import pytest
from scipy.special import softmax

from pipeline.ranking import embed
from pipeline.ranking.dual_softmax import DualSoftmax
from tests.pipeline.ranking.matrix import Matrix

ALL = np.ones(2, bool)


def test_by_hand_for_captions() -> None:
    """Scale ln 2, so that exp(scale S) = 2^S. Columns 2^S: (2, 4), (4, 4), so shares 1/3, 2/3 and 1/2, 1/2.

    S' = S * share: a 1 * 1/3, 2 * 1/2; b 2 * 2/3, 2 * 1/2: b had a tie, and now has video x before y.
    """
    dual = DualSoftmax(Matrix([[1, 2], [2, 2]]), ALL, ALL, np.log(2))
    assert dual.of_captions(np.arange(2)) == pytest.approx(np.array([[1 / 3, 1], [4 / 3, 1]]))
    assert dual.of_captions(np.array([1])) == pytest.approx(np.array([[4 / 3, 1]]))


def test_by_hand_for_videos() -> None:
    """The softmax is over the videos. Rows 2^S: (2, 4), (4, 4), so shares 1/3, 2/3 of a and 1/2, 1/2 of b.

    x: a 1 * 1/3, b 2 * 1/2; y: a 2 * 2/3, b 2 * 1/2.
    """
    dual = DualSoftmax(Matrix([[1, 2], [2, 2]]), ALL, ALL, np.log(2))
    assert dual.of_videos(np.arange(2)) == pytest.approx(np.array([[1 / 3, 1], [4 / 3, 1]]))


def test_who_does_not_ask_is_not_in_the_sum() -> None:
    """The second caption is no query: the share of the first is 1, its own is 2^S of it over 2^S of the first."""
    dual = DualSoftmax(Matrix([[1, 2], [2, 2]]), np.array([True, False]), np.array([False, True]), np.log(2))
    assert dual.of_captions(np.arange(2)) == pytest.approx(np.array([[1, 2], [2 * 2, 2]]))
    assert dual.of_videos(np.arange(2)) == pytest.approx(np.array([[1 / 2, 2], [2, 2]]))


def test_a_score_below_zero_is_the_lower_the_larger_its_share() -> None:
    dual = DualSoftmax(Matrix([[-1], [-2]]), ALL, ALL[:1], np.log(2))  # 2^S: 1/2, 1/4
    assert dual.of_captions(np.arange(2)) == pytest.approx(np.array([[-2 / 3], [-2 / 3]]))


@pytest.mark.parametrize("scale", [1.0, 20.0, 100.0])
def test_the_formula_on_random_scores_in_blocks(scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embed, "BLOCK", 7)
    generator = np.random.default_rng(0)
    scores = generator.uniform(-1, 1, (40, 23)).astype(np.float32)
    dual = DualSoftmax(Matrix(scores), np.ones(40, bool), np.ones(23, bool), scale)
    exact = scores.astype(float)
    np.testing.assert_allclose(dual.of_captions(np.arange(40)), exact * softmax(scale * exact, axis=0), rtol=1e-9)
    np.testing.assert_allclose(dual.of_videos(np.arange(23)), (exact * softmax(scale * exact, axis=1)).T, rtol=1e-9)


def test_small_shares_do_not_vanish() -> None:
    """exp(-190) is no float32: in float64 the two videos keep their order."""
    dual = DualSoftmax(Matrix([[0.05, 0.06], [0.95, 0.95]]), ALL, ALL, 200.0)
    first, second = dual.of_captions(np.array([0]))[0]
    assert 0 < first < second < 1e-70


def test_equal_captions_and_equal_videos_tie() -> None:
    scores = np.random.default_rng(2).uniform(-1, 1, (33, 77)).astype(np.float32)
    scores[20] = scores[3]
    scores[:, 76] = scores[:, 2]
    dual = DualSoftmax(Matrix(scores), np.ones(33, bool), np.ones(77, bool), 100.0)
    t2v, v2t = dual.of_captions(np.arange(33)), dual.of_videos(np.arange(77))
    assert (t2v[20] == t2v[3]).all()
    assert (t2v[:, 76] == t2v[:, 2]).all()
    assert (v2t[:, 20] == v2t[:, 3]).all()
    assert (v2t[76] == v2t[2]).all()
