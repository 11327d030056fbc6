"""Metrics, against values by hand, and enumerated orders."""

import math
from itertools import permutations
from statistics import mean, median

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.evaluation.metrics import bootstrap, by_query, chance, summary
from pipeline.ranking.ranks import Ranks, rank


def test_one_relevant_by_hand() -> None:
    """Captions against four videos.

    0.9 0.5 0.5 0.1, wants the 1st: rank 1
    0.9 0.5 0.5 0.1, wants the 3rd: one above, one equal: 2.5
    0.2 0.2 0.2 0.2, wants the 2nd: three equal: 2.5
    0.9 0.8 0.7 0.1, wants the 4th: rank 4
    """
    scores = np.array([[0.9, 0.5, 0.5, 0.1], [0.9, 0.5, 0.5, 0.1], [0.2] * 4, [0.9, 0.8, 0.7, 0.1]], np.float32)
    ranks = rank(scores, np.array([0, 2, 1, 3]))
    expected = {
        "R@1": 25.0,
        "R@5": 100.0,
        "R@10": 100.0,
        "MedR": 2.5,
        "MeanR": 2.5,
        "MRR": pytest.approx((1 + 0.4 + 0.4 + 0.25) / 4),
        "mAP": pytest.approx((1 + 0.4 + 0.4 + 0.25) / 4),
    }
    assert {name: summary(ranks)[name] for name in expected} == expected  # DEPTHS may have more


def test_uncovered_queries_stay_at_the_last_rank() -> None:
    """Two of four captions belong to a video without features: rank 3 of 3 in the main row, absent in the second."""
    ranks = Ranks.last(4, 3)
    covered = np.array([True, False, True, False])
    ranks.put(covered, rank(np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([0, 0])))
    assert ranks.first.tolist() == [1, 3, 2, 3]
    assert ranks.precision.tolist() == pytest.approx([1, 1 / 3, 1 / 2, 1 / 3])
    assert summary(ranks)["MedR"] == 2.5
    assert summary(ranks.take(covered))["MedR"] == 1.5


def test_depths_count_ranks_up_to_k() -> None:
    """Rank 5 is in R@5, 5.5 is not; the median of an even number is not floored."""
    values = summary(Ranks(np.array([1.0, 5.0, 5.5, 10.0, 10.5, 11.0]), np.ones(6)))
    assert (values["R@1"], values["R@5"], values["R@10"]) == pytest.approx((100 / 6, 200 / 6, 400 / 6))
    assert values["MedR"] == 7.75


def test_the_share_of_each_query() -> None:
    """Two seeds, three queries: their means are those of the summary."""
    first = np.array([[1.0, 4.0, 8.0], [2.0, 5.5, 20.0]])
    by_metric = by_query(first)
    expected = {
        "R@1": [[100, 0, 0], [0, 0, 0]],
        "R@5": [[100, 100, 0], [100, 0, 0]],
        "R@10": [[100, 100, 100], [100, 100, 0]],
        "MRR": [[1, 1 / 4, 1 / 8], [1 / 2, 1 / 5.5, 1 / 20]],
    }
    assert {name: by_metric[name].tolist() for name in expected} == expected  # DEPTHS may have more
    for ranks, *values in zip(first, *by_metric.values(), strict=True):
        whole = summary(Ranks(ranks, 1 / ranks))
        assert [np.mean(value) for value in values] == pytest.approx([whole[name] for name in by_metric])


@pytest.mark.parametrize("relevant", [[1], [2], [5], [1, 1, 3], [2, 4]])
def test_chance_is_the_mean_over_all_orders(relevant: list[int]) -> None:
    """All 720 orders of six items, each query alike; MedR is the median over queries and orders together."""
    candidates = 6
    summaries: dict[int, list[dict[str, float]]] = {}
    firsts = []
    for m in relevant:
        orders = [rank(np.array([order], float), [np.arange(m)]) for order in permutations(range(candidates))]
        summaries[m] = [summary(one) for one in orders]
        firsts += [one.first[0] for one in orders]
    expected = chance(candidates, np.array(relevant))
    for name in ("R@1", "R@5", "R@10", "MeanR", "MRR", "mAP"):
        assert expected[name] == pytest.approx(mean(mean(row[name] for row in summaries[m]) for m in relevant)), name
    assert expected["MedR"] == median(firsts)


def test_chance_at_real_size() -> None:
    """One video among 3,000: closed forms."""
    expected = chance(3000, np.ones(60_000, int))
    assert expected["R@1"] == pytest.approx(100 / 3000)
    assert expected["R@10"] == pytest.approx(1000 / 3000)
    assert (expected["MedR"], expected["MeanR"]) == pytest.approx((1500.5, 1500.5))
    assert expected["MRR"] == pytest.approx(math.fsum(1 / k for k in range(1, 3001)) / 3000)
    assert expected["mAP"] == pytest.approx(expected["MRR"])


def test_bootstrap_of_a_mean() -> None:
    """Close to the normal interval of a mean, mean +- 1.96 s / sqrt(n), and the same for the same seed."""
    values = np.random.default_rng(1).normal(5.0, 2.0, size=400)
    low, high = bootstrap(values, seed=0)
    half = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.2 * half)
    assert bootstrap(values, seed=0) == (low, high)
    assert bootstrap(values, seed=1) != (low, high)


def test_bootstrap_draws_groups_whole() -> None:
    """Twenty equal values a group: sqrt(20) times as wide as if they were independent."""
    group = np.repeat(np.arange(50), 20)
    values = np.random.default_rng(2).normal(size=50)[group]
    shuffled = np.random.default_rng(3).permutation(1000)
    apart = bootstrap(values, seed=0)
    together = bootstrap(values[shuffled], seed=0, groups=group[shuffled])
    assert (together[1] - together[0]) / (apart[1] - apart[0]) == pytest.approx(20**0.5, rel=0.15)


def test_mistakes() -> None:
    with pytest.raises(LaffError, match="no queries"):
        summary(Ranks.last(0, 5))
    with pytest.raises(LaffError, match="1 to 3 relevant items"):
        chance(3, np.array([1, 4]))
    with pytest.raises(LaffError, match="no queries"):
        bootstrap(np.array([]), seed=0)
