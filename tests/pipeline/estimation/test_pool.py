"""What a pool says of its strata."""

from pipeline.estimation.pool import Pool

STRATA = {"a": "1", "b": "1", "c": "2", "d": "2", "e": "2", "f": "3"}
JUDGEMENTS = {"a": 2, "b": 0, "c": 1, "d": -1, "e": -1, "f": -1}


def test_counts_by_stratum() -> None:
    pool = Pool(STRATA, JUDGEMENTS)
    assert pool.strata == ["1", "2", "3"]
    assert dict(pool.pooled) == {"1": 2, "2": 3, "3": 1}
    assert dict(pool.sampled) == {"1": 2, "2": 1}
    assert dict(pool.relevant) == {"1": 1, "2": 1}


def test_a_judged_item_stands_for_those_of_its_stratum() -> None:
    pool = Pool(STRATA, JUDGEMENTS)
    assert [pool.relevant_in(stratum) for stratum in pool.strata] == [1, 3, 0]
    assert pool.estimated_relevant == 4
    assert list(pool.estimated_by_grade().items()) == [(2, 1), (1, 3)]


def test_complete_judgements_are_one_stratum() -> None:
    pool = Pool.complete({"a": 1, "b": 0})
    assert pool.strata == ["1"]
    assert pool.estimated_relevant == 1
