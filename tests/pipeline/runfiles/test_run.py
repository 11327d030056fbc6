"""Runs by columns."""

from pathlib import Path

import numpy as np

from pipeline.errors import Problems
from pipeline.estimation.order import ranked
from pipeline.runfiles.numbered import Numbered
from pipeline.runfiles.run import Run, check_once, grouped
from tests.pipeline.score.made import random_case, run_of


def run() -> Run:
    ids = Numbered()
    ids.plain("abcd")
    items, scores = np.array([0, 1, 2, 3, 0], np.int32), np.array([1.0, 3.0, 1.0, 5.0, 6.0])
    return Run("x", ["q", "r"], np.array([0, 3, 5]), items, scores, ids)


def test_answers_best_first_and_equal_ones_as_in_the_file() -> None:
    assert list(run().answers()) == [("q", [("b", 3.0), ("a", 1.0), ("c", 1.0)]), ("r", [("a", 6.0), ("d", 5.0)])]
    assert run().depth == 3


def test_in_trecs_order() -> None:
    """By score, and equal scores by id, backwards."""
    whole = [("q", [("b", 3.0), ("c", 1.0), ("a", 1.0)]), ("r", [("a", 6.0), ("d", 5.0)])]
    assert list(run().ordered().answers()) == whole
    assert list(run().ordered(9).answers()) == whole
    assert list(run().ordered(2).answers()) == [(topic, hits[:2]) for topic, hits in whole]
    assert list(run().ordered(1).answers()) == [(topic, hits[:1]) for topic, hits in whole]


def test_the_order_is_that_of_the_measures() -> None:
    for number in range(50):
        scores, _ = random_case(number)
        listed = {topic: [item for item, _ in hits] for topic, hits in run_of(scores, Numbered()).ordered(7).answers()}
        assert listed == {topic: ranked(items, 7) for topic, items in scores.items()}


def test_topics_whose_equal_scores_a_cut_divides() -> None:
    assert [run().tied_at(k) for k in (1, 2, 3, 4)] == [[], ["q"], [], []]


def test_other_names_of_topics() -> None:
    assert run().renamed({"q": "1q", "z": "y"}).places == {"1q": 0, "r": 1}


def test_rows_are_brought_together_by_topic() -> None:
    topics = Numbered()
    topic_of = topics.plain(["q", "r", "q", "s"])
    starts, (column,) = grouped(topic_of, topics, [np.array([10, 20, 30, 40])])
    assert starts.tolist() == [0, 2, 3, 4]
    assert column.tolist() == [10, 30, 20, 40]


def test_items_that_stand_twice() -> None:
    problems, ids = Problems(), run().ids
    items, lines = np.array([0, 1, 0, 1, 2, 3]), np.arange(10, 16)
    check_once(np.array([0, 4, 6]), items, lines, ["q", "r"], ids, problems, Path("file"))
    assert list(problems) == [
        "file:12: topic 'q' has 'a' twice, first in line 10, and 1 more of its items; keep one of them"
    ]
