"""Judgements in TREC's form (qrels), gzipped or plain: lines `topic 0 item judgement`, or with TRECVID's strata.

TRECVID's are `topic 0 shot stratum judgement`, where a judgement of -1 says that the shot was in the pool and was not
looked at. White space and % in ids are percent-encoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.errors import Problems
from pipeline.runfiles import fields
from pipeline.runfiles.numbered import Numbered
from pipeline.runfiles.opened import ENOUGH, MOST, line_blocks
from pipeline.runfiles.run import check_once, grouped

FORM = {4: "`topic 0 item judgement`", 5: "`topic 0 item stratum judgement`"}
MOST_GRADE = 1000  # the time of trec_eval's ndcg grows with the square of the highest grade


@dataclass(frozen=True)
class Judgements:
    """T topics and their N judged or pooled items, by columns."""

    topics: list[str]  # [T] each once
    starts: np.ndarray  # [T + 1] int64: the items of topic t are those from starts[t] to starts[t + 1]
    items: np.ndarray  # [N] int32, numbers of `ids`; each once a topic
    values: np.ndarray  # [N] int32: below 0 pooled and not judged, 0 not relevant, above 0 relevant, or its grade
    strata: np.ndarray  # [N] int32, numbers of `stratum_names`; all 0 where there are none
    stratum_names: list[str]
    stratified: bool  # whether the file has strata
    ids: Numbered  # of items; shared with runs

    def of(self, topic: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The items [n], judgements [n] and strata [n] of the topic of this number."""
        part = slice(self.starts[topic], self.starts[topic + 1])
        return self.items[part], self.values[part], self.strata[part]

    def relevant(self) -> np.ndarray:
        """The number [T] of relevant items of each topic."""
        counts = np.cumsum(np.concatenate([[0], self.values > 0]))
        relevant: np.ndarray = counts[self.starts[1:]] - counts[self.starts[:-1]]
        return relevant

    def renamed(self, names: dict[str, str]) -> Judgements:
        """The judgements with other ids for some of the topics."""
        return replace(self, topics=[names.get(topic, topic) for topic in self.topics])


def read(path: Path, items: Numbered | None = None) -> Judgements:
    """Judgements of a file; its first line decides whether they have strata.

    items: where the ids of items are numbered. Raises one LaffError that lists mistakes with their lines: fields that
    are missing, judgements that are no whole number or a grade above 1,000, items that stand twice.
    """
    items = Numbered() if items is None else items  # one without ids is false
    topics, strata, problems = Numbered(), Numbered(), Problems()
    parts: list[list[np.ndarray]] = [[], [], [], [], []]
    before, width = len(items), 0
    for first, lines in line_blocks(path, "file of judgements"):
        width = width or len(next((words for line in lines if (words := line.split())), []))
        if width not in FORM:
            looks = "; this looks like a run: give it without --qrels" if width == 6 else ""
            problems.add(f"{lines[0].strip()[:80]!r} is neither {FORM[4]} nor {FORM[5]}{looks}", path, first)
            break
        block = fields.read(path, first, lines, _line(width), problems)
        if len(problems) > ENOUGH:
            break
        if not len(block.lines):
            continue
        count = len(block.lines)
        parts[0].append(topics.encoded(block.columns[0]))
        parts[1].append(items.encoded(block.columns[2]))
        parts[2].append(block.numbers)
        parts[3].append(strata.plain(block.columns[3]) if width == 5 else np.zeros(count, np.int32))
        parts[4].append(block.lines)
    problems.extend(topics.wrong() + items.wrong(before), path)
    if not width:
        problems.add(f"holds no line {FORM[4]} or {FORM[5]}", path)
    topic_of, *columns = (np.concatenate(part) if part else np.zeros(0, np.int32) for part in parts)
    starts, (item_of, values, stratum_of, line_of) = grouped(topic_of, topics, columns)
    check_once(starts, item_of, line_of, topics.names, items, problems, path)
    if problems:
        raise problems.error(path, MOST)
    names = strata.names or ["1"]
    return Judgements(topics.names, starts, item_of, values, stratum_of, names, width == 5, items)


def _line(width: int) -> fields.Form:
    """What lines of so many fields should be."""
    return fields.Form(
        width,
        width - 1,
        _judgements,
        lambda _: f"is not {FORM[width]}, as the lines before it",
        lambda text: (
            f"judgement {text[:20]!r} should be a whole number, such as -1, 0, 1, and {MOST_GRADE:,} at most, since "
            "trec_eval takes every grade up to the highest for a level"
        ),
    )


def _judgements(texts: Sequence[str]) -> np.ndarray | None:
    """The judgements [n] int32 that texts say; None where one says none."""
    values = fields.whole(texts)
    return None if values is None or values.max(initial=0) > MOST_GRADE else values
