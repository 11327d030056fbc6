"""Overlap: how much the spaces of the main model agree on the best videos, over a sample of test."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.errors import LaffError
from pipeline.inspection import spaces
from pipeline.report.inspected import Inspected
from pipeline.report.section import Section
from pipeline.views.maps import heat

BEST = 5  # videos of each space
SEEDS = 3  # of which the overlap is measured, at most


def section(inspected: Inspected | None) -> Section | None:
    """The overlap of the main model's spaces; None where it has one space, or no model is trained."""
    if inspected is None:
        return None
    measured = inspected.value("overlap", lambda: _measured(inspected))
    if isinstance(measured, str):
        return None
    matrix = np.array(measured["matrix"])
    chance = spaces.by_chance(BEST, measured["videos"])
    title = f"{inspected.name}, seed {measured['seeds'][0]}"
    about = (
        f"Jaccard index of the {BEST} best videos of two spaces, the mean over captions: 1 is the same, 0 none shared."
    )
    names = [str(space) for space in range(1, len(matrix) + 1)]
    values: dict[str, Any] = {
        "sample": inspected.sample.words,
        "means": [f"seed {seed}: {mean:.3f}" for seed, mean in zip(measured["seeds"], measured["means"], strict=True)],
        "chance": f"{chance:.3f}",
        "best": BEST,
        "charts": [heat(title, about, names, matrix, "space")],
    }
    return Section("overlap", "Overlap of spaces", values)


def _measured(inspected: Inspected) -> dict[str, Any] | str:
    """The overlap of the first seed, and means of some seeds; or why there is none."""
    subject = inspected.subject
    seeds = subject.seeds[:SEEDS]
    try:
        matrices = [spaces.overlap(subject, seed, BEST) for seed in seeds]
    except LaffError as error:
        return str(error)
    return {
        "seeds": list(seeds),
        "matrix": np.round(matrices[0], 6).tolist(),
        "means": [spaces.off_diagonal(matrix) for matrix in matrices],
        "videos": subject.test.videos,
    }
