"""Scores as people and programs read them: tables with notes, JSON, and CSV with a line for each run and topic."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import printable
from pipeline.files import write_csv
from pipeline.score.facets import Facets
from pipeline.score.inputs import Inputs
from pipeline.score.measures import RULES
from pipeline.score.scoring import Scores
from pipeline.views.figure_table import FigureTable
from pipeline.views.printed import PLAIN, Paper, columns
from pipeline.views.tables import p_text
from pipeline.wording import number_of

RANK = (
    "MedR of one topic is the place of its first relevant item; >N (empty in CSV, null in JSON) means behind the "
    "end of lists of N items"
)
TEST = "two-sided p of a paired randomisation test over topics, with Holm's correction over the runs"


def text(scores: Scores, inputs: Inputs, by_topic: bool = False, paper: Paper = PLAIN) -> str:
    """The report for a person; by_topic: with the values of single topics."""
    heads = [measure.name for measure in scores.measures]
    parts = [
        number_of(scores.topics, "topics"),
        columns(FigureTable(["run", *heads], list(_mean_rows(scores))), paper),
    ]
    if scores.p:
        others = [name for name in scores.rows if name != scores.against]
        tested = [head for head in heads if head in scores.p]
        cells = [[printable(name), *(p_text(scores.p[head][name]) for head in tested)] for name in others]
        parts.append(
            f"against {printable(scores.against)}: {TEST}\n" + columns(FigureTable(["run", *tested], cells), paper)
        )
    if inputs.facets:
        rows = list(_facet_rows(scores, inputs.facets))
        parts.append(columns(FigureTable(["facet", "run", "topics", *heads], rows, left=2, keys=2), paper))
    if by_topic:
        left = 3 if inputs.facets else 2
        parts.append(columns(FigureTable.of(list(_topic_rows(scores, inputs)), left, keys=2), paper))
    medians = [measure.name for measure in scores.measures if measure.is_median]
    behind = any(np.isinf(row.values[name]).any() for name in medians for row in scores.rows.values())
    parts.append("\n".join([*_rules(scores), *([RANK] if medians and (by_topic or behind) else [])]))
    if scores.notes:
        parts.append("\n".join(f"note: {printable(note)}" for note in scores.notes))
    return "\n\n".join(parts)


def _cells(scores: Scores, run: str, values: dict[str, float]) -> list[str]:
    depth = scores.rows[run].depth
    return [measure.text(values[measure.name], depth) for measure in scores.measures]


def _mean_rows(scores: Scores) -> Iterator[list[str]]:
    for name, row in scores.rows.items():
        yield [printable(name), *_cells(scores, name, scores.means(name))]
        if not row.answered.all():  # as TREC's programs take the mean
            label = f"{printable(name)} (the {number_of(int(row.answered.sum()), 'topics')} that it answers)"
            yield [label, *_cells(scores, name, scores.means(name, answered_only=True))]


def _facet_rows(scores: Scores, facets: Facets) -> Iterator[list[str]]:
    for facet, topics in facets.items():
        count = len(set(topics) & set(scores.topics))
        for name in scores.rows:
            means = _cells(scores, name, scores.means(name, topics=topics))
            yield [printable(facet), printable(name), str(count), *means]


def _topic_rows(scores: Scores, inputs: Inputs) -> Iterator[list[str]]:
    """A header, then a row for each topic and run; with facets and texts where there are some."""
    facets_of = _facets_of(inputs.facets)
    texts = {topic: printable(inputs.texts.get(topic, "")) for topic in scores.topics}

    def line(topic: str, run: str, facets: str, cells: Sequence[str], text: str) -> list[str]:
        last = [text] if inputs.texts else []
        return [printable(topic), printable(run), *([printable(facets)] if inputs.facets else []), *cells, *last]

    yield line("topic", "run", "facets", [measure.name for measure in scores.measures], "text")
    for number, topic in enumerate(scores.topics):
        for name, row in scores.rows.items():
            values = {measure.name: float(row.values[measure.name][number]) for measure in scores.measures}
            cells = _cells(scores, name, values) if row.answered[number] else ["missing"] * len(values)
            yield line(topic, name, "+".join(facets_of.get(topic, [])), cells, texts[topic])


def _facets_of(facets: Facets) -> dict[str, list[str]]:
    """{topic: its facets}."""
    topics = dict.fromkeys(topic for members in facets.values() for topic in members)
    return {topic: [facet for facet, members in facets.items() if topic in members] for topic in topics}


def _rules(scores: Scores) -> Iterator[str]:
    """The rule of each measure, in a line for those that share it."""
    for rule, words in RULES.items():
        if names := [measure.name for measure in scores.measures if measure.rule == rule]:
            yield f"{', '.join(names)}: {words}"


def as_json(scores: Scores, inputs: Inputs, by_topic: bool = False) -> dict[str, Any]:
    """The report for a program; None stands for a place behind the end of a list, and for what has no topic."""
    content: dict[str, Any] = {
        "topics": len(scores.topics),
        "rules": {measure.name: RULES[measure.rule] for measure in scores.measures},
        "runs": {
            name: {
                "mean": _plain(scores.means(name)),
                "answered": int(row.answered.sum()),
                "mean of answered": _plain(scores.means(name, answered_only=True)),
            }
            for name, row in scores.rows.items()
        },
        "notes": scores.notes,
    }
    if scores.p:
        content["against"] = {"run": scores.against, "test": TEST, "p": scores.p}
    if inputs.facets:
        content["facets"] = {
            facet: {
                "topics": [topic for topic in scores.topics if topic in topics],
                "runs": {name: _plain(scores.means(name, topics=topics)) for name in scores.rows},
            }
            for facet, topics in inputs.facets.items()
        }
    if by_topic:
        facets_of = _facets_of(inputs.facets)
        content["by topic"] = {
            topic: {
                **({"text": inputs.texts[topic]} if topic in inputs.texts else {}),
                **({"facets": facets_of.get(topic, [])} if inputs.facets else {}),
                "runs": {
                    name: _plain({head: float(values[number]) for head, values in row.values.items()})
                    for name, row in scores.rows.items()
                    if row.answered[number]
                },
            }
            for number, topic in enumerate(scores.topics)
        }
    return content


def _plain(values: dict[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def write_topics(path: Path, scores: Scores, inputs: Inputs) -> None:
    """Write a CSV line for each run and topic, whole or not at all; empty: nothing relevant was found."""
    facets_of = _facets_of(inputs.facets)
    heads = [measure.name for measure in scores.measures]
    lines: list[Sequence[Any]] = [["run", "topic", "answered", *heads, "facets", "text"]]
    for name, row in scores.rows.items():
        columns = np.array([row.values[head] for head in heads]).T.tolist()
        for topic, answered, values in zip(scores.topics, row.answered.tolist(), columns, strict=True):
            cells = [f"{value:.9g}" if math.isfinite(value) else "" for value in values]
            words = ["+".join(facets_of.get(topic, [])), inputs.texts.get(topic, "")]
            lines.append([name, topic, int(answered), *cells, *words])
    write_csv(path, lines)
