"""trec_eval's infAP by hand; tests of `pipeline.score` compare it with trec_eval itself."""

import pytest

from pipeline.estimation.inferred import inferred
from pipeline.estimation.pool import Pool
from pipeline.estimation.trec_infap import trec_infap


def test_with_complete_judgements_it_is_average_precision() -> None:
    assert trec_infap(["a", "b", "c"], {"a": 1, "b": 0, "c": 1, "d": 1}) == pytest.approx((1 + 2 / 3) / 3, abs=1e-4)


def test_items_that_nobody_judged() -> None:
    """b at rank 4: above are a (relevant), u (not judged), and one outside the pool: (1 + 2 * 1/1) / 4 = 3/4."""
    assert trec_infap(["a", "u", "stranger", "b"], {"a": 1, "u": -1, "b": 1}) == pytest.approx(
        (1 + 3 / 4) / 2, abs=1e-4
    )


def test_it_divides_by_the_judged_and_not_by_the_estimated_number() -> None:
    """Of ten items five were judged: TRECVID's measure takes the relevant one for two, in each stratum the same."""
    judgements = {"a": 1, "b": 0, "c": 0, "d": 0, "e": 0} | {f"u{number}": -1 for number in range(5)}
    assert trec_infap(["a"], judgements) == pytest.approx(1)
    assert inferred(["a"], Pool.complete(judgements)).relevant == 2


def test_no_relevant_item_gives_0() -> None:
    assert trec_infap(["a"], {"a": 0}) == 0
