"""Runs as CSV: a line for each item that a query found, with the header `query,rank,item,score`.

What `laff search --csv` prints is read as well: the columns are found by their names, and others are left aside.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from pipeline import ids
from pipeline.errors import LaffError, Problems, meant
from pipeline.runfiles import fields
from pipeline.runfiles.numbered import Numbered
from pipeline.runfiles.opened import ENOUGH, MOST, line_blocks, writing
from pipeline.runfiles.run import Answers, Run, check_once, grouped

BLOCK = 1 << 16  # lines that become columns together
HEADER = ("query", "rank", "item", "score")
OTHER_NAMES = {"query": ("topic",), "item": ("video", "shot"), "score": ()}  # a column may have one of these instead


class _Line:
    """Stands for a file that csv.writer writes to."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        """Take a line."""
        self.text += text

    def taken(self) -> bytes:
        """All that was written since the last time."""
        text, self.text = self.text, ""
        return text.encode()


def write_run(path: Path, queries: Answers) -> None:
    """Write a run, whole or not at all; the same rows give the same bytes. Scores keep nine digits."""
    lines = _Line()
    table = csv.writer(lines, lineterminator="\n")
    with writing(path) as file:
        table.writerow(HEADER)
        for query, hits in queries:
            table.writerows((query, rank, item, f"{score:.9g}") for rank, (item, score) in enumerate(hits, 1))
            file.write(lines.taken())
        file.write(lines.taken())


def read(path: Path, items: Numbered | None = None) -> Run:
    """A run; lines of a query need not stand together, and ranks do not count.

    Raises one LaffError that lists mistakes with their lines, as of `trec.read`.
    """
    items = Numbered() if items is None else items  # one without ids is false
    topics, problems = Numbered(), Problems()
    before = len(items)
    rows = _rows(path, problems)
    parts: list[list[np.ndarray]] = [[np.zeros(0, np.int32)], [np.zeros(0, np.int32)], [np.zeros(0)]]
    parts.append([np.zeros(0, np.int32)])
    while block := list(islice(rows, BLOCK)):
        queries, item_ids, scores, lines = zip(*block, strict=True)
        columns = (topics.plain(queries), items.plain(item_ids), np.array(scores), np.array(lines, np.int32))
        for part, column in zip(parts, columns, strict=True):
            part.append(column)
    problems.extend(topics.wrong() + items.wrong(before), path)
    topic_of, *others = map(np.concatenate, parts)
    starts, (item_of, values, line_of) = grouped(topic_of, topics, others)
    check_once(starts, item_of, line_of, topics.names, items, problems, path)
    if problems:
        raise problems.error(path, MOST)
    return Run("", topics.names, starts, item_of, values, items)


def _rows(path: Path, problems: Problems) -> Iterator[tuple[str, str, float, int]]:
    table = csv.reader((line for _, lines in line_blocks(path, "run file") for line in lines), strict=True)
    columns: list[int] = []
    try:
        for row in table:
            if len(problems) > ENOUGH:
                return
            if not columns:
                columns = _columns([cell.strip() for cell in row], path)
            elif row and len(row) <= max(columns):
                problems.add(f"has {len(row)} cells, fewer than the first line names", path, table.line_num)
            elif row:
                query, item, text = (row[column] for column in columns)
                score = fields.finite([text])
                if score is not None:
                    yield ids.clean(query), ids.clean(item), float(score[0]), table.line_num
                else:
                    problems.add(f"score {text[:20]!r} is no finite number; each item needs one", path, table.line_num)
    except csv.Error as error:
        problems.add(f"is not valid CSV: {error}", path, table.line_num)


def _columns(header: list[str], path: Path) -> list[int]:
    """Where query, item and score stand."""
    columns = []
    for name, others in OTHER_NAMES.items():
        known = [word for word in (name, *others) if word in header]
        if not known:
            raise LaffError(f"{path}:1: the first line has no column '{name}'{meant(name, header)}")
        columns.append(header.index(known[0]))
    return columns
