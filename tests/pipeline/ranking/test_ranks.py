"""Ranks, against those counted by hand and rules written out again in plain Python."""

from statistics import mean

import numpy as np
import pytest

import pipeline.ranking.ranks
from pipeline.errors import LaffError
from pipeline.ranking.ranks import Ranks, rank


def plain(scores: list[float], relevant: list[int]) -> tuple[float, float]:
    """The rules of the module, item by item."""
    first = min(
        1
        + sum(s > scores[j] for i, s in enumerate(scores) if i not in relevant)
        + sum(s == scores[j] for i, s in enumerate(scores) if i not in relevant) / 2
        for j in relevant
    )
    places = sorted(
        1 + sum(s > scores[j] for s in scores) + (sum(s == scores[j] for s in scores) - 1) / 2 for j in relevant
    )
    return first, mean(n / place for n, place in enumerate(places, 1))


def test_one_relevant_by_hand() -> None:
    """Captions against four videos.

    0.9 0.5 0.5 0.1, wants the 1st: rank 1
    0.9 0.5 0.5 0.1, wants the 3rd: one above, one equal: 2.5
    0.2 0.2 0.2 0.2, wants the 2nd: three equal: 2.5
    0.9 0.8 0.7 0.1, wants the 4th: rank 4
    """
    scores = np.array([[0.9, 0.5, 0.5, 0.1], [0.9, 0.5, 0.5, 0.1], [0.2] * 4, [0.9, 0.8, 0.7, 0.1]], np.float32)
    found = rank(scores, np.array([0, 2, 1, 3]))
    assert found.first.tolist() == [1, 2.5, 2.5, 4]
    assert found.precision.tolist() == [1, 0.4, 0.4, 0.25]


def test_several_relevant_by_hand() -> None:
    """Videos against four captions.

    0.9 0.1 0.8 0.7, the 1st and 4th: r = 1, 3: (1/1 + 2/3) / 2
    0.3 0.8 0.2 0.3, the 1st and 4th: first: one above, no other equal: 2; r = 2.5, 2.5: (1/2.5 + 2/2.5) / 2
    0.5 0.5 0.5 0.1, the 1st and 2nd: first: one other equal: 1.5; r = 2, 2: (1/2 + 2/2) / 2
    """
    scores = np.array([[0.9, 0.1, 0.8, 0.7], [0.3, 0.8, 0.2, 0.3], [0.5, 0.5, 0.5, 0.1]])
    found = rank(scores, [np.array([0, 3]), np.array([3, 0]), np.array([0, 1])])
    assert found.first.tolist() == [1, 2, 1.5]
    assert found.precision.tolist() == pytest.approx([(1 + 2 / 3) / 2, 0.6, 0.75])


@pytest.mark.parametrize("few", [0, 64])
def test_rules_in_plain_python(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """300 random queries full of equal scores, counted or sorted; one relevant item gives the same by both ways."""
    monkeypatch.setattr(pipeline.ranking.ranks, "FEW", few)
    generator = np.random.default_rng(3)
    for _ in range(300):
        scores = generator.integers(0, generator.integers(1, 9), size=12).astype(np.float32)
        relevant = generator.choice(12, size=generator.integers(1, 6), replace=False)
        found = rank(scores[None], [relevant])
        first, precision = plain(scores.tolist(), relevant.tolist())
        assert found.first[0] == first
        assert found.precision[0] == pytest.approx(precision, rel=1e-12)
        one = rank(scores[None], relevant[:1])
        assert (one.first[0], one.precision[0]) == pytest.approx(plain(scores.tolist(), relevant[:1].tolist()))


def test_streaming_in_blocks() -> None:
    """Blocks of uneven size fill the same arrays as the whole matrix."""
    generator = np.random.default_rng(0)
    scores, own = generator.random((50, 20)).astype(np.float32), generator.integers(0, 20, 50)
    whole, streamed = rank(scores, own), Ranks.last(50, 20)
    for start in (0, 7, 30):
        rows = slice(start, {0: 7, 7: 30, 30: 50}[start])
        streamed.put(rows, rank(scores[rows], own[rows]))
    np.testing.assert_array_equal(streamed.first, whole.first)
    np.testing.assert_array_equal(streamed.precision, whole.precision)


def test_uncovered_queries_stay_at_the_last_rank() -> None:
    """Two of four captions belong to a video without features: rank 3 of 3."""
    ranks = Ranks.last(4, 3)
    covered = np.array([True, False, True, False])
    ranks.put(covered, rank(np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([0, 0])))
    assert ranks.first.tolist() == [1, 3, 2, 3]
    assert ranks.precision.tolist() == pytest.approx([1, 1 / 3, 1 / 2, 1 / 3])
    assert ranks.take(covered).first.tolist() == [1, 2]


def test_mistakes() -> None:
    with pytest.raises(LaffError, match="query 1 of this block has a score that is not a finite number"):
        rank(np.array([[1.0, 2.0], [np.nan, 1.0]]), np.array([0, 1]))
    with pytest.raises(LaffError, match=r"scores \(2, 2\) should be \[queries, items\] for 1 queries"):
        rank(np.ones((2, 2)), np.array([0]))
    with pytest.raises(LaffError, match="no relevant item"):
        rank(np.ones((1, 2)), [np.array([], int)])
