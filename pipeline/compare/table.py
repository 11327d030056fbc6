"""A comparison as text and as CSV."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pipeline.analyze.cost import mega
from pipeline.ranking.ranks_file import WAYS
from pipeline.views.results import warning
from pipeline.views.tables import cell, metrics_of, p_text, text_table

NOT_SHOWN = ("MeanR", "MRR")  # metrics that are in the CSV alone
TRAINING = ("loss", "mask", "lr", "batch", "epochs", "patience", "precision")  # of the train stage, told once
LEVEL = 0.05  # of significance, after Holm's correction


def header(figures: dict[str, Any]) -> list[str]:
    """Columns of the table for people."""
    tested = [f"p, {figures['against']}", "Holm"] if figures["against"] else []
    costs = ["params (M)", "video (MFLOPs)", "caption (MFLOPs)", "s/epoch", "best epoch", "seeds"]
    return ["row", *_shown(_any_row(figures)), *tested, *costs]


def cells(figures: dict[str, Any], name: str, way: str) -> list[str]:
    """One row of the table for people."""
    line = figures["rows"][name]
    found = [name, *(cell(line[way][metric], metric) for metric in _shown(line[way]))]
    if figures["against"]:
        found += [_p(line[way].get("p")), _p(line[way].get("p_holm"), True)]
    seconds = [value for value in line.get("seconds_epoch", []) if value is not None]
    cost = [mega(line[key]) if line.get(key) else "" for key in ("parameters", "flops_video", "flops_caption")]
    best = ", ".join("?" if value is None else str(value) for value in line.get("best_epoch", []))
    return [
        *found,
        *cost,
        f"{sum(seconds) / len(seconds):.1f}" if seconds else "",
        best,
        ", ".join(map(str, line["seeds"])),
    ]


def _any_row(figures: dict[str, Any], way: str = "t2v") -> dict[str, Any]:
    """The figures of some row, one way: all have the same metrics, queries and candidates."""
    found: dict[str, Any] = next(iter(figures["rows"].values()))[way]
    return found


def _shown(figures: dict[str, Any]) -> list[str]:
    """The metrics of the table for people."""
    return [name for name in metrics_of(figures) if name not in NOT_SHOWN]


def _said(value: Any) -> str:
    """What a row was made of, in a cell of the CSV: names with blanks between, mappings as JSON."""
    return value if isinstance(value, str) else " ".join(value) if isinstance(value, list) else json.dumps(value)


def _p(value: float | None, marked: bool = False) -> str:
    if value is None:
        return ""
    return p_text(value) + ("*" if marked and value < LEVEL else " " if marked else "")


def heading(figures: dict[str, Any], way: str) -> str:
    """What the figures of one way are of."""
    some = _any_row(figures, way)
    asked, among = ("captions", "videos") if way == "t2v" else ("videos", "captions")
    return (
        f"{figures['collection']}, grid {figures['grid']}, {way}: {some['queries']:,} {asked} among "
        f"{some['candidates']:,} {among}, coverage {figures['coverage']:.3f}"
    )


def legend(figures: dict[str, Any]) -> list[str]:
    """What must be known to read the table; a sentence each."""
    training = ", ".join(f"{key} {figures['training'][key]}" for key in TRAINING)
    found = [f"Trained, where a row says nothing else: {training}.", "± is a sample's standard deviation over seeds."]
    if figures["against"]:
        found.append(
            f"p: paired randomisation test against {figures['against']} on average precision, averaged over seeds, a "
            f"video's captions together; Holm: corrected for all rows, * below {LEVEL:g}."
        )
    elif figures["untested"]:
        found.append(f"{figures['untested']}.")
    found.append(
        "s/epoch: seconds of an epoch with validation, of whatever machine trained it. "
        "FLOPs: 2 a multiply-add, of embedding one."
    )
    found += [f"{said[0].upper()}{said[1:]}." for said in figures.get("unusual", [])]
    if roles := figures["roles"]:
        found.append(", ".join(f"{role} is {name}" for role, name in roles.items()) + ".")
    return found


def told(figures: dict[str, Any]) -> dict[str, str]:
    """{row: in what it differs from the train stage, and the grid's note}."""
    parts = {name: (line["differs"], figures["notes"].get(name, "")) for name, line in figures["rows"].items()}
    return {name: "; ".join(filter(None, some)) for name, some in parts.items() if any(some)}


def text(figures: dict[str, Any], way: str = "t2v") -> str:
    """The whole comparison for a terminal, one way."""
    rows = [header(figures), *(cells(figures, name, way) for name in figures["rows"])]
    parts = [heading(figures, way), text_table(rows), "\n".join(legend(figures))]
    if said := warning(figures):
        parts.insert(1, said)
    notes = [f"{name}: {note}" for name, note in told(figures).items()]
    notes += [f"left out: {name}: {why}" for name, why in figures["left_out"].items()]
    if notes:
        parts.append("\n".join(notes))
    if figures["quoted"]:
        parts.append(
            f"quoted, not of this run: {figures['quoted']['protocol']}\nsource: {figures['quoted']['source']}\n"
            + text_table(quoted(figures))
        )
    return "\n\n".join(parts)


def quoted(figures: dict[str, Any]) -> list[list[str]]:
    """Published figures, a header first; what our sources do not give is empty."""
    of = figures["quoted"]
    rows = [
        [name, *(f"{row[column]:g}" if column in row else "" for column in of["columns"])]
        for name, row in of["rows"].items()
    ]
    return [["row", *of["columns"]], *rows]


def csv_rows(figures: dict[str, Any]) -> list[Sequence[Any]]:
    """A line for each row and way, a header first; quoted figures in columns of their own, at the end."""
    of = figures["quoted"] or {"columns": [], "rows": {}}
    metrics = metrics_of(_any_row(figures))
    spread = [f"{metric} {part}" for metric in metrics for part in ("mean", "std")]
    costs = ["parameters", "flops_video", "flops_caption", "flops_pair"]
    lists = ["seconds_epoch", "best_epoch", "epochs", "seeds"]
    what = ["uses", "params", "options", "video", "text"]
    head = ["row", "way", *what, "queries", "candidates", "coverage", *spread, "against", "p", "p_holm", *costs, *lists]
    found: list[Sequence[Any]] = [[*head, *(f"quoted {column}" for column in of["columns"])]]
    for name, line in figures["rows"].items():
        for way in WAYS:
            one = line[way]
            values = [one[metric][part] for metric in metrics for part in ("mean", "std")]
            row = [
                name,
                way,
                *(_said(line[key]) for key in what),
                one["queries"],
                one["candidates"],
                figures["coverage"],
                *values,
                figures["against"],
            ]
            row += [one.get("p", ""), one.get("p_holm", ""), *(line.get(key, "") for key in costs)]
            row += [" ".join("?" if item is None else f"{item:g}" for item in line.get(key, [])) for key in lists]
            published = of["rows"].get(name, {}) if way == "t2v" else {}
            found.append([*row, *(published.get(column, "") for column in of["columns"])])
    return found
