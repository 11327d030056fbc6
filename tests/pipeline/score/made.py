"""Small runs and judgements for tests."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pipeline.runfiles import qrels
from pipeline.runfiles.numbered import Numbered
from pipeline.runfiles.qrels import Judgements
from pipeline.runfiles.run import Run

Scores = Mapping[str, Mapping[str, float]]  # topic -> item -> score
Values = Mapping[str, Mapping[str, int]]  # topic -> item -> judgement


def run_of(scores: Scores, ids: Numbered, tag: str = "x") -> Run:
    """A run."""
    items = ids.plain(item for listed in scores.values() for item in listed)
    values = np.array([score for listed in scores.values() for score in listed.values()], np.float64)
    return Run(tag, list(scores), np.cumsum([0, *map(len, scores.values())]), items, values, ids)


def judgements_of(values: Values, ids: Numbered, folder: Path) -> Judgements:
    """Judgements without strata, by way of a file."""
    lines = [f"{topic} 0 {item} {value}\n" for topic, judged in values.items() for item, value in judged.items()]
    (folder / "made.qrels").write_text("".join(lines))
    return qrels.read(folder / "made.qrels", ids)


def random_case(number: int, least: int = 0) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, int]]]:
    """Scores full of ties, and judgements, of four topics; least: the lowest judgement."""
    drawn = random.Random(number)
    items = [f"v{n}" for n in range(40)]
    scores = {
        topic: {item: float(drawn.randrange(8)) for item in drawn.sample(items, drawn.randrange(1, 30))}
        for topic in "abcd"
    }
    values = {
        topic: {item: drawn.randrange(least, 3) for item in drawn.sample(items, 20)} | {"v0": 1} for topic in "abcd"
    }
    return scores, values
