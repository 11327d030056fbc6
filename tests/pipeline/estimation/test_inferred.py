"""sample_eval.pl's measures on small cases worked out by hand, and on one that the program itself was run on."""

import math
import random

import pytest

from pipeline.estimation.inferred import inferred
from pipeline.estimation.order import ranked
from pipeline.estimation.pool import Pool

FOUR_DECIMALS = 5e-5  # what the program prints


def test_with_complete_judgements_it_is_average_precision() -> None:
    pool = Pool.complete({"a": 1, "b": 0, "c": 1, "d": 1})
    estimate = inferred(["a", "b", "c"], pool)
    assert estimate.ap == pytest.approx((1 + 2 / 3 + 0) / 3, abs=FOUR_DECIMALS)
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    assert estimate.ndcg == pytest.approx((1 + 1 / 2) / ideal, abs=FOUR_DECIMALS)
    assert estimate.relevant == 3
    assert estimate.retrieved_relevant == pytest.approx(2, abs=FOUR_DECIMALS)
    assert estimate.precision == pytest.approx({10: 0.2, 100: 0.02, 1000: 0.002}, abs=FOUR_DECIMALS)


def two_strata() -> Pool:
    """Stratum 1: two items, both judged. Stratum 2: ten items, two of them judged."""
    others = [f"u{number}" for number in range(8)]
    strata = {"n": "1", "a": "1", "x": "2", "y": "2"} | dict.fromkeys(others, "2")
    return Pool(strata, {"n": 0, "a": 1, "x": 1, "y": 0} | dict.fromkeys(others, -1))


def test_strata_that_were_judged_at_100_and_20_percent() -> None:
    """By hand: estimated relevant 1 * 2 / 2 + 1 * 10 / 2 = 6.

    At a, rank 2: one item above, judged not relevant: 1 / 2. At x, rank 4: above are one relevant of two in stratum 1
    (1 estimated) and one item of stratum 2 that nobody judged (1/3): (1 + 1 + 1/3) / 4 = 0.58333.
    infAP = 1/6 * 0.5 + 5/6 * 0.58333 = 0.5694.
    Gain of stratum 1: 2 / 2 * 1 / log2(3); of stratum 2: 2 pooled, 1 judged: 2 / 1 * 1 / log2(5); ideal: six items.
    """
    estimate = inferred(["n", "a", "u0", "x"], two_strata())
    assert estimate.relevant == 6
    assert estimate.ap == pytest.approx(0.5694, abs=FOUR_DECIMALS)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, 7))
    assert estimate.ndcg == pytest.approx((1 / math.log2(3) + 2 / math.log2(5)) / ideal, abs=FOUR_DECIMALS)
    assert estimate.retrieved_relevant == pytest.approx(2 * 1 / 2 + 2 * 1 / 1, abs=1e-4)


def test_an_item_outside_the_pool_only_takes_a_rank() -> None:
    pool = Pool.complete({"a": 1})
    assert inferred(["stranger", "a"], pool).ap == pytest.approx(1 / 2, abs=FOUR_DECIMALS)


def test_more_relevant_items_than_a_run_may_list_scale_the_result_up() -> None:
    """3,000 items in the pool, 2 of 3 judged ones relevant: 2,000 estimated. Both first: (1 + 1) / 2 * 2000 / 1000."""
    unjudged = [f"u{number}" for number in range(2997)]
    judgements = {"a": 1, "b": 1, "c": 0} | dict.fromkeys(unjudged, -1)
    estimate = inferred(["a", "b"], Pool.complete(judgements))
    assert estimate.relevant == 2000
    assert estimate.ap == pytest.approx(2.0, abs=FOUR_DECIMALS)


def test_the_ideal_gain_ends_at_the_thousandth_rank() -> None:
    judgements = {f"r{number}": 1 for number in range(1200)}
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, 1001))
    assert inferred(["r0"], Pool.complete(judgements)).ndcg == pytest.approx(1 / ideal, rel=1e-12)


def test_items_behind_the_thousandth_do_not_count() -> None:
    items = [f"n{number}" for number in range(1000)]
    estimate = inferred([*items, "a"], Pool.complete(dict.fromkeys(items, 0) | {"a": 1}))
    assert estimate.ap == 0
    assert estimate.precision[1000] == pytest.approx(0, abs=1e-7)


def test_no_relevant_item_and_no_judgement_give_0() -> None:
    assert inferred(["a"], Pool.complete({"a": 0})).ap == 0
    assert inferred(["a"], Pool.complete({"a": -1})).ndcg == 0
    assert inferred([], Pool.complete({"a": 1})).ap == 0


def test_equal_scores_stand_by_their_ids_backwards() -> None:
    pool = Pool.complete({"shot2": 1, "shot1": 0})
    assert inferred(ranked({"shot1": 0.5, "shot2": 0.5}), pool).ap == pytest.approx(1, abs=FOUR_DECIMALS)
    assert inferred(ranked({"shot1": 0.5, "shot2": 0.4}), pool).ap == pytest.approx(1 / 2, abs=FOUR_DECIMALS)


def test_sample_eval_itself() -> None:
    """Figures that sample_eval.pl printed for these judgements, with three strata, grades and ties."""
    random_numbers = random.Random(11)
    items = [f"shot{number}_1" for number in range(400)]
    strata = {item: "123"[number % 3] for number, item in enumerate(items) if number % 7}
    rates = {"1": 1.0, "2": 0.5, "3": 0.1}
    judgements = {
        item: random_numbers.choice([0, 0, 1, 2]) if random_numbers.random() < rates[stratum] else -1
        for item, stratum in strata.items()
    }
    scores = {item: float(random_numbers.randrange(40)) for item in items if random_numbers.random() < 0.8}
    estimate = inferred(ranked(scores, 1000), Pool(strata, judgements))
    assert estimate.ap == pytest.approx(0.3124538214, abs=1e-9)
    assert estimate.ndcg == pytest.approx(0.6305256218, abs=1e-9)
    assert estimate.precision == pytest.approx({10: 0.499999, 100: 0.2910531790, 1000: 0.1273699698}, abs=1e-9)
    assert estimate.retrieved_relevant == pytest.approx(127.3699697593, abs=1e-9)
    assert estimate.relevant == 159
