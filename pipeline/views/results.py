"""Results of a run, the content of metrics.json: a table for the terminal, and the warnings that belong beside it."""

from collections.abc import Mapping
from typing import Any

from pipeline.views import tables


def rows(results: Mapping[str, Any], way: str) -> list[list[str]]:
    """Rows of the table of one way, a header first: every model with every metric."""
    models = results["models"]
    metrics = tables.metrics_of(next(iter(models.values()))[way])
    lines = [[name, *(tables.cell(row[way][metric], metric) for metric in metrics)] for name, row in models.items()]
    return [["model", *metrics], *lines]


def heading(results: Mapping[str, Any], way: str) -> str:
    """Heading of the figures of one way: queries, candidates, coverage, and what is unusual."""
    any_model = next(iter(results["models"].values()))[way]
    counts = f"{any_model['queries']} queries, {any_model['candidates']} candidates, coverage {results['coverage']:.3f}"
    return "; ".join([counts, *results.get("unusual", [])])


def text(results: Mapping[str, Any], way: str = "t2v") -> str:
    """Table of one way for a terminal, with its heading and warnings."""
    code = earlier(results)
    note = f"{code}\n" if code else ""
    return f"{way}: {heading(results, way)}\n{note}{tables.text_table(rows(results, way))}"


def warning(results: Mapping[str, Any]) -> str:
    """Warning beside the figures, where random weights or earlier code had a part in them; '' otherwise."""
    warnings = []
    if names := ", ".join(results["untrained"]):
        warnings.append(f"RANDOM WEIGHTS in {names}: these figures show that it runs, not how good it is")
    if code := earlier(results):
        warnings.append(code)
    return "; ".join(warnings)


def earlier(results: Mapping[str, Any]) -> str:
    """Name the code that results were made by and that has changed since, where that was accepted; else ''."""
    stages: Mapping[str, list[str]] = results.get("earlier_code", {})
    of = "; ".join(f"{', '.join(modules)} ({stage})" for stage, modules in stages.items())
    return f"made by earlier code of {of}" if of else ""
