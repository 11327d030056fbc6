"""The table of a comparison as text and as CSV."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pipeline.analyze.cost import mega
from pipeline.ranking.ranks_file import WAYS
from pipeline.views.results import second_notes, warning
from pipeline.views.tables import cell, metrics_of, p_text, text_table

NOT_SHOWN = ("MeanR", "MRR")  # metrics that only the CSV has
TRAINING = ("loss", "mask", "lr", "batch", "epochs", "patience", "precision")  # options of the train stage, named once
LEVEL = 0.05  # of significance, after Holm's correction


def header(figures: dict[str, Any]) -> list[str]:
    """The columns of the text table."""
    tested = [f"p, {figures['against']}", "Holm"] if figures["against"] else []
    costs = ["params (M)", "video (MFLOPs)", "caption (MFLOPs)", "s/epoch", "best epoch", "seeds"]
    return ["row", *_shown(_any_row(figures)), *tested, *costs]


def cells(figures: dict[str, Any], name: str, way: str) -> list[str]:
    """The cells of one row of the text table."""
    line = figures["rows"][name]
    shown = [name, *(cell(line[way][metric], metric) for metric in _shown(line[way]))]
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
    of_row = _any_row(figures, way)
    asked, among = ("captions", "videos") if way == "t2v" else ("videos", "captions")
    return (
        f"{figures['collection']}, grid {figures['grid']}, {way}: {of_row['queries']:,} {asked} among "
        f"{of_row['candidates']:,} {among}, coverage {figures['coverage']:.3f}"
    )


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
    sentences.append(
        "s/epoch: seconds of an epoch with validation, of whatever machine trained it. "
        "FLOPs: 2 a multiply-add, of embedding one."
    )
    sentences += [f"{note}." for note in second_notes(figures.get("rows", {}), "t2v")]
    sentences += [f"{remark[0].upper()}{remark[1:]}." for remark in figures.get("unusual", [])]
    if roles := figures["roles"]:
        sentences.append(", ".join(f"{role} is {name}" for role, name in roles.items()) + ".")
    return sentences


def notes(figures: dict[str, Any]) -> dict[str, str]:
    """{row: how it differs from the train stage, and the grid's note}; only of rows that have either."""
    parts = {name: (line["differs"], figures["notes"].get(name, "")) for name, line in figures["rows"].items()}
    return {name: "; ".join(filter(None, texts)) for name, texts in parts.items() if any(texts)}


def text(figures: dict[str, Any], way: str = "t2v") -> str:
    """The whole comparison as text, one way."""
    shown = [header(figures), *(cells(figures, name, way) for name, line in figures["rows"].items() if way in line)]
    parts = [heading(figures, way), text_table(shown), "\n".join(legend(figures))]
    if warned := warning(figures):
        parts.insert(1, warned)
    remarks = [f"{name}: {note}" for name, note in notes(figures).items()]
    remarks += [f"left out: {name}: {why}" for name, why in figures["left_out"].items()]
    if remarks:
        parts.append("\n".join(remarks))
    if figures["quoted"]:
        parts.append(
            f"quoted, not of this run: {figures['quoted']['protocol']}\nsource: {figures['quoted']['source']}\n"
            + text_table(quoted(figures))
        )
    return "\n\n".join(parts)


def quoted(figures: dict[str, Any]) -> list[list[str]]:
    """Published figures as cells, a header first; a figure that the source does not give is empty."""
    figures_quoted = figures["quoted"]
    published = [
        [name, *(f"{row[column]:g}" if column in row else "" for column in figures_quoted["columns"])]
        for name, row in figures_quoted["rows"].items()
    ]
    return [["row", *figures_quoted["columns"]], *published]


def csv_rows(figures: dict[str, Any]) -> list[Sequence[Any]]:
    """The lines of the CSV: a header, then one for each row and way; quoted figures are the last columns."""
    quoted_figures = figures["quoted"] or {"columns": [], "rows": {}}
    metrics = metrics_of(_any_row(figures))
    spread = [f"{metric} {part}" for metric in metrics for part in ("mean", "std")]
    costs = ["parameters", "flops_video", "flops_caption", "flops_pair"]
    lists = ["seconds_epoch", "best_epoch", "epochs", "seeds"]
    settings = ["uses", "params", "options", "video", "text"]
    head = [
        "row",
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
    csv_lines: list[Sequence[Any]] = [[*head, *(f"quoted {column}" for column in quoted_figures["columns"])]]
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
            published = quoted_figures["rows"].get(name, {}) if way == "t2v" else {}
            csv_lines.append([*row, *(published.get(column, "") for column in quoted_figures["columns"])])
    return csv_lines
