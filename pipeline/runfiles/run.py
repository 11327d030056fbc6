"""A run: for each topic the items that were found, with scores; and what those who write run files have in hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from pipeline.errors import Problems
from pipeline.runfiles.numbered import Numbered

Hits = Sequence[tuple[str, float]]  # items and scores, best first
Answers = Iterable[tuple[str, Hits]]  # topics with what was found, one at a time


@dataclass(frozen=True)
class Run:
    """T topics and all of their N items, by columns."""

    tag: str  # the name of the system that the file states
    topics: list[str]  # [T] each once
    starts: np.ndarray  # [T + 1] int64: the items of topic t are those from starts[t] to starts[t + 1]
    items: np.ndarray  # [N] int32, numbers of `ids`; each once a topic; in the order of the file
    scores: np.ndarray  # [N] float64, larger is better
    ids: Numbered  # of items; shared with other runs and judgements

    def of(self, topic: int) -> tuple[np.ndarray, np.ndarray]:
        """The items [n] and scores [n] of the topic of this number."""
        part = slice(self.starts[topic], self.starts[topic + 1])
        return self.items[part], self.scores[part]

    @cached_property
    def places(self) -> dict[str, int]:
        """The number of each topic."""
        return {topic: number for number, topic in enumerate(self.topics)}

    @property
    def depth(self) -> int:
        """The largest number of items of a topic."""
        return int(np.diff(self.starts).max(initial=0))

    def answers(self) -> Iterator[tuple[str, list[tuple[str, float]]]]:
        """Each topic with its items, best first; equal scores in the order of the file."""
        names = self.ids.names
        for number, topic in enumerate(self.topics):
            items, scores = self.of(number)
            order = best_first(scores)
            yield (
                topic,
                [(names[item], score) for item, score in zip(items[order], scores[order].tolist(), strict=True)],
            )

    def ordered(self, k: int = 0) -> Run:
        """The run with the items of each topic as TREC's programs read them; only the best k where k is above 0.

        They go by score, the highest first, and equal scores by id, backwards (z before a).
        """
        rows = [self.starts[t] + self._order(t)[: k or None] for t in range(len(self.topics))]
        order = np.concatenate([np.zeros(0, np.int64), *rows])
        starts = np.cumsum([0, *map(len, rows)])
        return replace(self, starts=starts, items=self.items[order], scores=self.scores[order])

    def _order(self, topic: int) -> np.ndarray:
        """The places [n] of a topic's items in TREC's order."""
        items, scores = self.of(topic)
        order: np.ndarray = best_first(scores)
        if (np.diff(scores[order]) != 0).all():
            return order
        names = self.ids.names
        backwards = np.array(sorted(range(len(items)), key=lambda place: names[items[place]], reverse=True), np.int64)
        order = backwards[best_first(scores[backwards])]
        return order

    def tied_at(self, k: int) -> list[str]:
        """The topics where an item behind the best k has the score of the last of them."""
        tied = []
        for number, topic in enumerate(self.topics):
            scores = self.of(number)[1]
            if len(scores) > k:
                last, behind = np.sort(scores)[::-1][k - 1 : k + 1]
                tied += [topic] if last == behind else []
        return tied

    def renamed(self, names: dict[str, str]) -> Run:
        """The run with other ids for some of its topics."""
        return replace(self, topics=[names.get(topic, topic) for topic in self.topics])


def best_first(scores: np.ndarray) -> np.ndarray:
    """The places [n] of scores [n] from the highest to the lowest; equal ones in their order."""
    return np.argsort(-scores, kind="stable")


def grouped(
    topic_of: np.ndarray, topics: Numbered, columns: Sequence[np.ndarray]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Rows brought together by topic: starts [T + 1], and the columns in that order.

    topic_of: [N] the topic of each row, by number; columns: arrays [N]. Rows of one topic keep their order.
    """
    if len(topic_of) and (np.diff(topic_of) < 0).any():  # a file need not have the lines of a topic together
        order = np.argsort(topic_of, kind="stable")
        topic_of, columns = topic_of[order], [column[order] for column in columns]
    return np.searchsorted(topic_of, np.arange(len(topics) + 1)), list(columns)


def check_once(
    starts: np.ndarray,
    items: np.ndarray,
    lines: np.ndarray,
    topics: Sequence[str],
    ids: Numbered,
    problems: Problems,
    path: Path,
) -> None:
    """Note items that stand twice in a topic: one for each topic, with the lines [N] of the file where they stand."""
    for number, topic in enumerate(topics):
        part = slice(starts[number], starts[number + 1])
        ordered = np.sort(items[part])
        twice = ordered[1:][ordered[1:] == ordered[:-1]]
        if len(twice):
            more = f", and {len(twice) - 1} more of its items" if len(twice) > 1 else ""
            first, second = lines[part][items[part] == twice[0]][:2].tolist()
            problems.add(
                f"topic '{topic}' has '{ids.names[twice[0]]}' twice, first in line {first}{more}; keep one of them",
                path,
                second,
            )
