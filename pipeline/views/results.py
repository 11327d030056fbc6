"""The results of a run, as metrics.json holds them: a table for the terminal, and what must be said beside it."""

from collections.abc import Mapping
from typing import Any

from pipeline.views import tables


def rows(results: Mapping[str, Any], way: str) -> list[list[str]]:
    """Cells of the table of one way, a header first: every model with every metric."""
    models = results["models"]
    metrics = tables.metrics_of(next(iter(models.values()))[way])
    lines = [[name, *(tables.cell(row[way][metric], metric) for metric in metrics)] for name, row in models.items()]
    return [["model", *metrics], *lines]


def heading(results: Mapping[str, Any], way: str) -> str:
    """What the figures of one way are of."""
    some = next(iter(results["models"].values()))[way]
    return f"{some['queries']} queries, {some['candidates']} candidates, coverage {results['coverage']:.3f}"


def text(results: Mapping[str, Any], way: str = "t2v") -> str:
    """The table of one way for a terminal."""
    return f"{way}: {heading(results, way)}\n{tables.text_table(rows(results, way))}"


def warning(results: Mapping[str, Any]) -> str:
    """What must be said beside every figure that random weights had a part in; '' otherwise."""
    if not results["untrained"]:
        return ""
    return f"RANDOM WEIGHTS in {', '.join(results['untrained'])}: these figures show that it runs, not how good it is"
