"""The table of a comparison: its cells and the texts beside it, in every format."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pipeline.analyze.cost import mega
from pipeline.compare.quotes import OWN, from_json
from pipeline.ranking.ranks_file import WAYS
from pipeline.views import formats
from pipeline.views.figure_table import Cell, FigureTable, figure
from pipeline.views.printed import PLAIN, Paper, columns
from pipeline.views.results import asked, second_notes, warning
from pipeline.views.tables import metrics_of, p_text

NOT_SHOWN = ("MeanR", "MRR")  # metrics that only the CSV has
TRAINING = ("loss", "mask", "lr", "batch", "epochs", "patience", "precision")  # options of the train stage, named once
TRAINED = ("s/epoch", "best epoch", "seeds")  # columns about trainings
SECONDS = "s/epoch: seconds of an epoch with validation, of whatever machine trained it."
LEVEL = 0.05  # of significance, after Holm's correction


def header(figures: dict[str, Any]) -> list[str]:
    """The columns of the table."""
    tested = [f"p, {figures['against']}", "Holm"] if figures["against"] else []
    costs = ["params (M)", "video (MFLOPs)", "caption (MFLOPs)", *TRAINED]
    return ["model", *_shown(_any_row(figures)), *tested, *costs]


def shown(figures: dict[str, Any], way: str) -> FigureTable:
    """The table of one way, with the sentences below it; rows of second scoring have a best of their own."""
    names = [name for name, line in figures["rows"].items() if way in line]
    groups: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        groups.setdefault(figures["rows"][name].get("second", {}).get("method", ""), []).append(number)
    return FigureTable(
        header(figures),
        [cells(figures, name, way) for name in names],
        heading(figures, way),
        [*legend(figures), *remarks(figures)],
        groups=list(groups.values()),
    )


def cells(figures: dict[str, Any], name: str, way: str) -> list[Cell]:
    """The cells of one row of the table."""
    line = figures["rows"][name]
    shown: list[Cell] = [name, *(figure(line[way][metric], metric) for metric in _shown(line[way]))]
    if figures["against"]:
        shown += [_p(line[way].get("p")), _p(line[way].get("p_holm"), True)]
    seconds = [value for value in line.get("seconds_epoch", []) if value is not None]
    cost = [mega(line[key]) if line.get(key) else "" for key in ("parameters", "flops_video", "flops_caption")]
    best = ", ".join("?" if value is None else str(value) for value in line.get("best_epoch", []))
    return [
        *shown,
        *cost,
        f"{sum(seconds) / len(seconds):.1f}" if seconds else "",
        best,
        ", ".join(map(str, line["seeds"])),
    ]


def _any_row(figures: dict[str, Any], way: str = "t2v") -> dict[str, Any]:
    """The figures of the first row, one way: all rows have the same metrics, queries and candidates."""
    figures_of_row: dict[str, Any] = next(iter(figures["rows"].values()))[way]
    return figures_of_row


def _shown(figures: dict[str, Any]) -> list[str]:
    """The metrics of the text table."""
    return [name for name in metrics_of(figures) if name not in NOT_SHOWN]


def _csv_cell(value: Any) -> str:
    """A setting of a row as a cell of the CSV: names with blanks between, mappings as JSON."""
    return value if isinstance(value, str) else " ".join(value) if isinstance(value, list) else json.dumps(value)


def _p(value: float | None, marked: bool = False) -> str:
    """A p-value as a cell; marked: with a star where it is significant."""
    if value is None:
        return ""
    return p_text(value) + ("*" if marked and value < LEVEL else " " if marked else "")


def heading(figures: dict[str, Any], way: str) -> str:
    """What the figures of one way are measured on."""
    counts = asked(_any_row(figures, way), way)
    return f"{figures['collection']}, grid {figures['grid']}, {way}: {counts}, coverage {figures['coverage']:.3f}"


def legend(figures: dict[str, Any]) -> list[str]:
    """The sentences that one needs to read the table."""
    training = ", ".join(f"{key} {figures['training'][key]}" for key in TRAINING)
    sentences = [
        f"Trained, where a row says nothing else: {training}.",
        "± is a sample's standard deviation over seeds.",
    ]
    if figures["against"]:
        sentences.append(
            f"p: paired randomisation test against {figures['against']} on average precision, averaged over seeds, a "
            f"video's captions together; Holm: corrected for all rows, * below {LEVEL:g}."
        )
    elif figures["untested"]:
        sentences.append(f"{figures['untested']}.")
    sentences += [SECONDS, "FLOPs: 2 a multiply-add, of embedding one."]
    sentences += [f"{note}." for note in second_notes(figures.get("rows", {}), "t2v")]
    sentences += [f"{remark[0].upper()}{remark[1:]}." for remark in figures.get("unusual", [])]
    if roles := figures["roles"]:
        sentences.append(", ".join(f"{role} is {name}" for role, name in roles.items()) + ".")
    return sentences


def notes(figures: dict[str, Any]) -> dict[str, str]:
    """{row: how it differs from the train stage, and the grid's note}; only of rows that have either.

    What rows of second scoring are the legend says, once for each method.
    """
    parts = {
        name: ("" if "second" in line else line["differs"], figures["notes"].get(name, ""))
        for name, line in figures["rows"].items()
    }
    return {name: "; ".join(filter(None, texts)) for name, texts in parts.items() if any(texts)}


def remarks(figures: dict[str, Any]) -> list[str]:
    """Remarks on single rows: how they differ, and why some are left out."""
    texts = [f"{name}: {note}" for name, note in notes(figures).items()]
    return texts + [f"left out: {name}: {why}" for name, why in figures["left_out"].items()]


def text(figures: dict[str, Any], way: str = "t2v", paper: Paper = PLAIN) -> str:
    """The whole comparison as text, one way; published figures are text to video."""
    parts = [heading(figures, way), columns(shown(figures, way), paper), "\n".join(legend(figures))]
    if warned := warning(figures):
        parts.insert(1, warned)
    if texts := remarks(figures):
        parts.append("\n".join(texts))
    for quoted in from_json(figures["quoted"]) if way == "t2v" else []:
        quoted_notes = "\n".join(quoted.notes)
        parts += [f"quoted, not of this run: {quoted.title}\n{columns(quoted, paper)}", quoted_notes]
    return "\n\n".join(parts)


def written(figures: dict[str, Any], form: str) -> str:
    """The whole comparison in one of `formats.FORMATS`, both ways; the CSV has no published figures."""
    if form == "text":
        return "\n\n".join(text(figures, way) for way in WAYS) + "\n"
    if form == "csv":
        return formats.csv_text(csv_rows(figures))
    tables = [shown(figures, way) for way in WAYS]
    if warned := warning(figures):
        tables = [replace(table, notes=[warned, *table.notes]) for table in tables]
    if form == "latex":
        tables = [without_trained(table) for table in tables]
    quoted = [replace(one, title=f"Quoted, not of this run: {one.title}") for one in from_json(figures["quoted"])]
    return formats.written([*tables, *quoted], form)


def without_trained(table: FigureTable) -> FigureTable:
    """The table without the columns that tell of its trainings, for which paper has no room."""
    kept = len(table.header) - len(TRAINED)
    notes_left = [note for note in table.notes if note != SECONDS]
    return replace(table, header=table.header[:kept], rows=[row[:kept] for row in table.rows], notes=notes_left)


def csv_rows(figures: dict[str, Any]) -> list[Sequence[Any]]:
    """The lines of the CSV: a header, then one for each row and way; quoted figures of the grid itself are last."""
    held = [line for line in figures["quoted_figures"] if line[0] == OWN]
    quoted = {(line[2], line[6]): line[7] for line in held}  # by row and column
    columns = list(dict.fromkeys(line[6] for line in held))
    metrics = metrics_of(_any_row(figures))
    spread = [f"{metric} {part}" for metric in metrics for part in ("mean", "std")]
    costs = ["parameters", "flops_video", "flops_caption", "flops_pair"]
    lists = ["seconds_epoch", "best_epoch", "epochs", "seeds"]
    settings = ["uses", "params", "options", "video", "text"]
    head = [
        "model",
        "way",
        *settings,
        "queries",
        "candidates",
        "coverage",
        *spread,
        "against",
        "p",
        "p_holm",
        *costs,
        *lists,
    ]
    csv_lines: list[Sequence[Any]] = [[*head, *(f"quoted {column}" for column in columns)]]
    for name, line in figures["rows"].items():
        for way in [way for way in WAYS if way in line]:
            of_way = line[way]
            values = [of_way[metric][part] for metric in metrics for part in ("mean", "std")]
            row = [
                name,
                way,
                *(_csv_cell(line[key]) for key in settings),
                of_way["queries"],
                of_way["candidates"],
                figures["coverage"],
                *values,
                figures["against"],
            ]
            row += [of_way.get("p", ""), of_way.get("p_holm", ""), *(line.get(key, "") for key in costs)]
            row += [" ".join("?" if item is None else f"{item:g}" for item in line.get(key, [])) for key in lists]
            csv_lines.append([*row, *(quoted.get((name, column), "") if way == "t2v" else "" for column in columns)])
    return csv_lines
