"""From a published table to a grid: the rows that can be trained on a collection, and why the others cannot."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pipeline.compare import grid as grids
from pipeline.compare.grid import Grid
from pipeline.graph.graph import Graph
from pipeline.published.table import Part, Table
from pipeline.reproduce.stand_ins import SIDES, TEXT, StandIns

PREFIX = "reproduce-"  # of the folder of a comparison


@dataclass(frozen=True)
class RowsToTrain:
    """The grid of a table's rows, named ROW@PART where the table has several parts."""

    grid: Grid
    names: dict[tuple[str, str], str]  # (part, row) -> its name in the grid; only of rows that can be trained
    lacking: dict[tuple[str, str], str]  # (part, row) -> why it cannot be trained
    features: dict[tuple[str, str], dict[str, tuple[str, ...]]]  # (part, row) -> stages by side


def parts_of(table: Table) -> list[Part]:
    """The parts that can be reproduced: those whose features are known."""
    return [part for part in table.parts.values() if part.features]


def rows_of(table: Table, graph: Graph, stand_ins: StandIns) -> RowsToTrain:
    """The rows of a table as a grid over the stages of a graph."""
    base = grids.load(table.grid)
    several = len(parts_of(table)) > 1
    names: dict[tuple[str, str], str] = {}
    lacking: dict[tuple[str, str], str] = {}
    features: dict[tuple[str, str], dict[str, tuple[str, ...]]] = {}
    models: dict[str, dict[str, Any]] = {}
    pairs: dict[str, list[str]] = {}
    for part in parts_of(table):
        for row in part.rows:
            of_row, key = part.of(row), (part.name, row)
            reasons = [stand_ins.lacking(graph, name, side) for side in SIDES for name in of_row[side]]
            stages = {side: tuple(stand_ins.stages(of_row[side], side)) for side in SIDES}
            reasons += [f"no {side} feature is left" for side in SIDES if not stages[side]]
            if reason := "; ".join(dict.fromkeys(filter(None, reasons))):
                lacking[key] = reason
                continue
            name = f"{row}@{part.name}" if several else row
            names[key], features[key] = name, stages
            if row in base.models:
                models[name] = base.models[row] | {side: list(stages[side]) for side in SIDES}
            else:
                pairs[name] = [stages[side][0] for side in SIDES]
    roles = {role: stand_ins.stage(*_feature(feature)) for role, feature in table.roles.items()}
    chosen = replace(
        base,
        name=f"{PREFIX}{table.id}",
        about=table.title,
        models=models,
        pairs=pairs,
        roles=roles,
        against="",
        quoted=(table,),
    )
    return RowsToTrain(chosen, names, lacking, features)


def _feature(name: str) -> tuple[str, str]:
    """The feature and the side that a role of a table names."""
    return (name.removesuffix(TEXT), "text") if name.endswith(TEXT) else (name, "video")
