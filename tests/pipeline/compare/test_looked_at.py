"""`laff analyze --grid` looks at the rows of a comparison."""

from __future__ import annotations

import csv
from typing import Any

import pytest
from click.testing import CliRunner

import cli
from pipeline.compare.run import Asked, compare

ROLES = {"lead": "pair", "lead-text": "words", "lead-frames": "pair-frames"}
WORDS = [word for role, name in ROLES.items() for word in ("--role", f"{role}={name}")]


def analyze(small: Any, *words: str, code: int = 0) -> str:
    result = CliRunner().invoke(cli.main, ["analyze", *words, *small.options()])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


def test_rows_of_a_grid(small) -> None:
    compare(small.request(), Asked(str(small.grid), roles=ROLES))
    grid = ["--grid", str(small.grid), *WORDS]
    shown = analyze(small, "queries", "laff", "late", *grid)
    assert "laff against late: 24 captions of test" in shown
    shown = analyze(small, "weights", "--model", "frames", *grid)
    assert "frames, seeds 1, 2: attention weights" in shown
    assert "pair-frames" in shown
    assert "quoted, not of this run: Attention weights of LAFF's features on five test sets: video, mean / std" in shown
    assert "Beside ours: other features, other protocol." in shown
    assert "which looks like a slip there" in shown
    shown = analyze(small, "spaces", *grid)  # of laff, the main one
    assert "seed 2: mean of all pairs of spaces" in shown
    assert "laff    0.437    0.459" in shown
    assert "There it is the best 5 videos of 8 spaces, above the best 5 of 2." in shown
    shown = analyze(small, "cost", *grid)
    with (small.work / "analyze" / "cost" / "cost-mine.csv").open() as file:
        assert [line["model"] for line in csv.DictReader(file)] == ["laff", "late", "frames"]
    # Without the grid it is the run's rows that are looked at, and nothing was run.
    assert "is not ranked in" in analyze(small, "queries", "laff", "pair", code=1)


def test_a_model_where_the_grid_has_no_main_one(small) -> None:
    small.grid.write_text("seeds: [1]\nmodels: {wide: {uses: fusion.laff.LAFF, params: {heads: 4}}}")
    compare(small.request(), Asked(str(small.grid)))
    assert "wide, seed 1: overlap" in analyze(small, "spaces", "--grid", str(small.grid))


def test_a_grid_needs_a_workspace() -> None:
    result = CliRunner().invoke(cli.main, ["analyze", "cost", "--grid", "blocks"])
    assert (result.exit_code, "--grid needs -w, the workspace" in result.output) == (2, True)


@pytest.mark.parametrize("verb", [["weights"], ["spaces"], ["cost"], ["queries", "laff", "late"]])
def test_mistakes(small, verb: list[str]) -> None:
    assert "--role belongs to a grid; name it by --grid" in analyze(small, *verb, "--role", "lead=pair", code=2)
    assert "no grid 'minee'" in analyze(small, *verb, "--grid", "minee", code=1)
