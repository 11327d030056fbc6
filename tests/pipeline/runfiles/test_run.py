"""Runs by columns."""

import numpy as np

from pipeline.errors import Problems
from pipeline.runfiles.numbered import Numbered
from pipeline.runfiles.run import Run, check_once, grouped


def run() -> Run:
    ids = Numbered()
    ids.plain("abcd")
    items, scores = np.array([0, 1, 2, 3, 0], np.int32), np.array([1.0, 3.0, 1.0, 5.0, 6.0])
    return Run("x", ["q", "r"], np.array([0, 3, 5]), items, scores, ids)


def test_answers_best_first_and_equal_ones_as_in_the_file() -> None:
    assert list(run().answers()) == [("q", [("b", 3.0), ("a", 1.0), ("c", 1.0)]), ("r", [("a", 6.0), ("d", 5.0)])]
    assert run().depth == 3


def test_the_best_of_each_topic() -> None:
    assert list(run().best(2).answers()) == [("q", [("b", 3.0), ("a", 1.0)]), ("r", [("a", 6.0), ("d", 5.0)])]
    assert list(run().best(1).answers()) == [("q", [("b", 3.0)]), ("r", [("a", 6.0)])]


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
    check_once(np.array([0, 4, 6]), np.array([0, 1, 0, 1, 2, 3]), ["q", "r"], ids, problems, "file")
    assert list(problems) == ["file: topic 'q' has 'a' twice, and 1 more of its items; keep one of them"]
