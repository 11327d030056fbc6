"""Ranks, against those counted by hand, the rule in plain Python, and all orders of all ties."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from statistics import mean

import numpy as np
import pytest

import pipeline.ranking.ranks
from pipeline.errors import LaffError
from pipeline.ranking.ranks import Ranks, rank


def plain(scores: list[float], relevant: list[int]) -> list[float]:
    """The places of the relevant items by RULE, tie by tie."""
    places = []
    for level in sorted({scores[item] for item in relevant}, reverse=True):
        above = sum(score > level for score in scores)
        m = sum(scores[item] == level for item in relevant)
        n = sum(score == level for score in scores) - m
        places += [above + j + j * n / (m + 1) for j in range(1, m + 1)]
    return places


def average_precision(places: Sequence[float]) -> float:
    return mean(number / place for number, place in enumerate(places, 1))


def tie_patterns(items: int) -> Iterator[list[tuple[int, int]]]:
    """All ways in which so many items can stand in ties, best tie first: (relevant, non-relevant) of each tie."""
    if not items:
        yield []
    for size in range(1, items + 1):
        for rest in tie_patterns(items - size):
            for m in range(size + 1):
                yield [(m, size - m), *rest]


def orders(pattern: list[tuple[int, int]]) -> Iterator[list[int]]:
    """Places of the relevant items in each order of the ties; orders that differ in equal items alone come once.

    Each comes as often as every other: m! n! times a tie.
    """
    if not pattern:
        yield []
        return
    m, n = pattern[0]
    for places in combinations(range(1, m + n + 1), m):
        for rest in orders(pattern[1:]):
            yield [*places, *(m + n + place for place in rest)]


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

    0.9 0.1 0.8 0.7, the 1st and 4th: places 1 and 3
    0.3 0.8 0.2 0.3, the 1st and 4th tie alone, one above: whatever their order, places 2 and 3
    0.5 0.5 0.5 0.1, the 1st and 2nd tie with one other: 1 + 1/3 and 2 + 2/3, since of the orders RRN, RNR and NRR
    the first place is 1, 1, 2 and the second 2, 3, 3
    """
    scores = np.array([[0.9, 0.1, 0.8, 0.7], [0.3, 0.8, 0.2, 0.3], [0.5, 0.5, 0.5, 0.1]])
    found = rank(scores, [np.array([0, 3]), np.array([3, 0]), np.array([0, 1])])
    assert found.first.tolist() == pytest.approx([1, 2, 4 / 3])
    assert found.precision.tolist() == pytest.approx([(1 + 2 / 3) / 2, (1 / 2 + 2 / 3) / 2, 3 / 4])


@pytest.mark.parametrize("few", [0, 64])
@pytest.mark.parametrize("items", range(1, 7))
def test_all_ties_of_up_to_six_items_against_all_their_orders(
    items: int, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first rank is the mean of the first places; AP is that of mean places, so no more than the mean AP.

    1,351 patterns; counted or sorted. Where no tie mixes relevant and other items, all orders have the same AP.
    """
    monkeypatch.setattr(pipeline.ranking.ranks, "FEW", few)
    shuffle = np.random.default_rng(0).permutation(items)
    for pattern in tie_patterns(items):
        levels = np.repeat(np.arange(len(pattern), 0, -1.0), [m + n for m, n in pattern])
        is_relevant = np.concatenate([np.arange(m + n) < m for m, n in pattern])
        if not is_relevant.any():
            continue
        found = rank(levels[shuffle][None], [np.flatnonzero(is_relevant[shuffle])])
        possible = list(orders(pattern))
        mean_places = np.mean(possible, axis=0)
        precisions = [average_precision(places) for places in possible]
        assert found.first[0] == pytest.approx(mean_places[0], rel=1e-12), pattern
        assert found.precision[0] == pytest.approx(average_precision(mean_places), rel=1e-12), pattern
        assert min(precisions) - 1e-12 <= found.precision[0] <= mean(precisions) + 1e-12, pattern
        if all(m == 0 or n == 0 for m, n in pattern):
            assert found.precision[0] == pytest.approx(precisions[0], rel=1e-12), pattern


def test_two_equal_own_captions_below_another_have_the_precision_of_both_orders() -> None:
    """Places 2 and 3, either way: (1/2 + 2/3) / 2 = .583."""
    found = rank(np.array([[0.9, 0.4, 0.4]]), [np.array([1, 2])])
    assert found.precision[0] == pytest.approx(7 / 12)


@pytest.mark.parametrize("few", [0, 64])
def test_the_rule_in_plain_python(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """300 random queries full of equal scores, counted or sorted; one relevant item gives the same by both ways."""
    monkeypatch.setattr(pipeline.ranking.ranks, "FEW", few)
    generator = np.random.default_rng(3)
    for _ in range(300):
        scores = generator.integers(0, generator.integers(1, 9), size=12).astype(np.float32)
        relevant = generator.choice(12, size=generator.integers(1, 6), replace=False)
        found = rank(scores[None], [relevant])
        places = plain(scores.tolist(), relevant.tolist())
        assert found.first[0] == pytest.approx(places[0], rel=1e-12)
        assert found.precision[0] == pytest.approx(average_precision(places), rel=1e-12)
        [place] = plain(scores.tolist(), relevant[:1].tolist())
        for one in (rank(scores[None], relevant[:1]), rank(scores[None], [relevant[:1]])):
            assert (one.first[0], one.precision[0]) == (place, 1 / place)


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
