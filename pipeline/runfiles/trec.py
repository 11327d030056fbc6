"""TREC run files of lines `query Q0 item rank score tag`, gzipped where their name ends in .gz.

White space and % in queries and items are percent-encoded there.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline import ids
from pipeline.errors import LaffError, Problems
from pipeline.runfiles import fields
from pipeline.runfiles.numbered import Numbered
from pipeline.runfiles.opened import ENOUGH, MOST, line_blocks, writing
from pipeline.runfiles.run import Answers, Hits, Run, check_once, grouped

FORM = "`query Q0 item rank score tag`"
LINE = fields.Form(
    6,
    4,
    fields.finite,
    lambda count: f"is not {FORM}{'; this looks like judgements: give them to --qrels' if count in (4, 5) else ''}",
    lambda text: f"score {text[:20]!r} is no finite number; each item needs one",
)


def write_run(path: Path, queries: Answers, tag: str) -> None:
    """Write a run, whole or not at all; the same rows give the same bytes.

    queries: their ids with what they found. Scores keep nine digits, which tell every two float32 apart.
    Raises LaffError if a name is empty, the tag holds white space, a query comes twice, or its scores rise.
    """
    with writing(path) as file:
        for lines in _lines(path, queries, tag):
            file.write(lines.encode())


def _lines(path: Path, queries: Answers, tag: str) -> Iterator[str]:
    seen: set[str] = set()
    if tag.split() != [tag]:
        raise LaffError(f"{path}: tag {tag!r} is empty or holds white space, which a run file cannot")
    for query, hits in queries:
        name = _name(path, "query", query)
        if query in seen:
            raise LaffError(f"{path}: query {query!r} comes twice")
        seen.add(query)
        lines: list[str] = []
        last_score = float("inf")
        for place, (item, score) in enumerate(hits, 1):
            if not score <= last_score:
                raise LaffError(f"{path}: query {query!r}: score {score} follows {last_score}; items go best first")
            last_score = score
            lines.append(f"{name} Q0 {_name(path, 'item', item)} {place} {score:.9g} {tag}\n")
        yield "".join(lines)


def _name(path: Path, what: str, name: str) -> str:
    if not name:
        raise LaffError(f"{path}: the {what} '' is no name that a run file can hold")
    return ids.encoded(name)


def read(path: Path, items: Numbered | None = None) -> Run:
    """A run, gzipped or plain; lines of a query need not stand together, and ranks do not count.

    items: where the ids of items are numbered. Raises one LaffError that lists mistakes with their lines: fields that
    are missing, scores that are no finite number, items that stand twice.
    """
    items = Numbered() if items is None else items  # one without ids is false
    topics, problems, tag = Numbered(), Problems(), ""
    topic_parts, item_parts, score_parts, line_parts = [], [], [], []
    before = len(items)
    for first, lines in line_blocks(path, "run file"):
        block = fields.read(path, first, lines, LINE, problems)
        if len(problems) > ENOUGH:
            break
        if not len(block.lines):
            continue
        tag = tag or block.columns[5][0]
        topic_parts.append(topics.encoded(block.columns[0]))
        item_parts.append(items.encoded(block.columns[2]))
        score_parts.append(block.numbers)
        line_parts.append(block.lines)
    problems.extend(topics.wrong() + items.wrong(before), path)
    topic_of, item_of, line_of = (
        np.concatenate([np.zeros(0, np.int32), *parts]) for parts in (topic_parts, item_parts, line_parts)
    )
    values = np.concatenate([np.zeros(0), *score_parts])
    starts, (item_of, values, line_of) = grouped(topic_of, topics, [item_of, values, line_of])
    check_once(starts, item_of, line_of, topics.names, items, problems, path)
    if problems:
        raise problems.error(path, MOST)
    return Run(tag, topics.names, starts, item_of, values, items)


def read_run(path: Path) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    """Queries with their items and scores, best first, in the file's order of queries; LaffError as of `read`."""
    yield from read(path).answers()


def named(
    queries: list[str], block: np.ndarray, items: list[str], columns: np.ndarray, scores: np.ndarray
) -> Iterator[tuple[str, Hits]]:
    """What `write_run` takes: the ids of a block's queries with the ids and scores of their items.

    block: [q] numbers of queries; columns: [q, k] numbers of items, best first; scores: [q, k].
    """
    for query, places, query_scores in zip(block, columns, scores, strict=True):
        yield queries[query], [(items[item], float(score)) for item, score in zip(places, query_scores, strict=True)]
