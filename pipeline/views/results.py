"""Results of a run, the content of metrics.json: a table for the terminal, and the warnings that belong beside it."""

from collections.abc import Mapping
from typing import Any

from pipeline.views import tables

SHOWN = 6  # modules of earlier code that a line names, as a plan does
ABOUT = ("method", "of", "transductive", "words")  # keys of `second` that are no params


def rows(results: Mapping[str, Any], way: str) -> list[list[str]]:
    """Rows of the table of one way, a header first: every model that ranks this way with every metric."""
    models = {name: row for name, row in results["models"].items() if way in row}
    metrics = tables.metrics_of(next(iter(models.values()))[way])
    lines = [[name, *(tables.cell(row[way][metric], metric) for metric in metrics)] for name, row in models.items()]
    return [["model", *metrics], *lines]


def heading(results: Mapping[str, Any], way: str) -> str:
    """Heading of the figures of one way: what is asked among what, coverage, and what is unusual."""
    any_model = next(iter(results["models"].values()))[way]
    counts = f"{asked(any_model, way)}, coverage {results['coverage']:.3f}"
    return "; ".join([counts, *results.get("unusual", [])])


def asked(figures: Mapping[str, Any], way: str) -> str:
    """How many queries there are among how many candidates, in words; figures: those of a row, one way."""
    queries, candidates = ("captions", "videos") if way == "t2v" else ("videos", "captions")
    return f"{figures['queries']:,} {queries} among {figures['candidates']:,} {candidates}"


def second_notes(rows: Mapping[str, Any], way: str) -> list[str]:
    """A sentence for each method of second scoring that the rows of a table name: what it does, with which params.

    rows: {name: {way: its figures, …}}; those of second scoring have `second`, as metrics.json does.
    """
    lines: dict[str, str] = {}
    for row in rows.values():
        if (about := row.get("second")) and way in row:
            params = {key: value for key, value in about.items() if key not in ABOUT}
            texts = {key: " with ".join(value) if isinstance(value, list) else value for key, value in params.items()}
            settings = ", ".join(f"{key} {text}" for key, text in texts.items())
            lines[about["method"]] = f"+{about['method']}: {about['words']}; {settings}; not comparable with plain rows"
    return list(lines.values())


def warning(results: Mapping[str, Any]) -> str:
    """Warning beside the figures, where random weights or earlier code had a part in them; '' otherwise."""
    warnings = []
    if names := ", ".join(results["untrained"]):
        warnings.append(f"RANDOM WEIGHTS in {names}: these figures show that it runs, not how good it is")
    if code := earlier(results):
        warnings.append(code)
    return "; ".join(warnings)


def earlier(results: Mapping[str, Any]) -> str:
    """Name the code that results were made by and that has changed since, where that was accepted; else ''.

    Each module once, SHOWN of them at most, then the stages whose results they shaped: 'made by earlier code of a, b
    (x3d, train)'. metrics.json has the modules of each stage.
    """
    stages: Mapping[str, list[str]] = results.get("earlier_code", {})
    modules = list(dict.fromkeys(module for of_stage in stages.values() for module in of_stage))
    more = f" and {len(modules) - SHOWN} more" if len(modules) > SHOWN else ""
    return f"made by earlier code of {', '.join(modules[:SHOWN])}{more} ({', '.join(stages)})" if modules else ""
