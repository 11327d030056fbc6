"""Which queries a gallery shows of many."""

import numpy as np

from pipeline.report.gallery_queries import chosen


def test_all_where_they_are_few() -> None:
    assert chosen(np.array([3.0, 1.0, 2.0]), most=3).tolist() == [0, 1, 2]


def test_of_many_a_third_each_of_the_worst_the_best_and_others() -> None:
    ranks = np.arange(100.0)[::-1] + 1  # query 99 has rank 1, query 0 rank 100
    places = chosen(ranks, most=9).tolist()
    assert len(set(places)) == 9
    assert places == sorted(places)
    assert places[:3] == [0, 1, 2]
    assert places[6:] == [97, 98, 99]
    assert all(3 <= place < 97 for place in places[3:6])
    assert chosen(ranks, most=9).tolist() == places


def test_equal_ranks_are_chosen_by_chance_and_not_by_their_place() -> None:
    places = chosen(np.ones(1000), most=30)
    assert places.min() < 300
    assert places.max() > 700
    assert len(set(places.tolist())) == 30
