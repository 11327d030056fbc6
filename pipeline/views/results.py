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
    counts = f"{some['queries']} queries, {some['candidates']} candidates, coverage {results['coverage']:.3f}"
    return "; ".join([counts, *results.get("unusual", [])])


def text(results: Mapping[str, Any], way: str = "t2v") -> str:
    """The table of one way for a terminal."""
    said = earlier(results)
    note = f"{said}\n" if said else ""
    return f"{way}: {heading(results, way)}\n{note}{tables.text_table(rows(results, way))}"


def warning(results: Mapping[str, Any]) -> str:
    """What must be said beside the figures: what random weights or earlier code had a part in; '' otherwise."""
    said = []
    if names := ", ".join(results["untrained"]):
        said.append(f"RANDOM WEIGHTS in {names}: these figures show that it runs, not how good it is")
    if code := earlier(results):
        said.append(code)
    return "; ".join(said)


def earlier(results: Mapping[str, Any]) -> str:
    """What was made by code that has changed since, and was accepted; '' for nothing."""
    stages: Mapping[str, list[str]] = results.get("earlier_code", {})
    of = "; ".join(f"{', '.join(modules)} ({stage})" for stage, modules in stages.items())
    return f"made by earlier code of {of}" if of else ""
