"""What the sections of a report are made from: the results of a run and its cached files, each read once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any

from pipeline.graph import models
from pipeline.graph.graph import Stage
from pipeline.graph.models import Row
from pipeline.plan import steps
from pipeline.plan.context import Context
from pipeline.plan.units import Unit
from pipeline.ranking import ranks_file
from pipeline.ranking.ranks_file import Ranked
from pipeline.store import ledger
from pipeline.store.workspace import MAIN, RUNS


@dataclass
class Material:
    """A run whose results are all made."""

    context: Context
    stage: Stage  # the report's own
    _units: dict[str, list[Unit]] = field(default_factory=dict, init=False)

    @cached_property
    def evaluate(self) -> Stage:
        """The stage with the metrics."""
        return self.context.stage(self.stage.sources[0])

    @cached_property
    def rank(self) -> Stage:
        """The stage with the runs."""
        return self.context.stage(self.evaluate.sources[0])

    @cached_property
    def train(self) -> Stage:
        """The stage with the models; it may have none."""
        return self.context.stage(self.rank.sources[0])

    @cached_property
    def stages(self) -> list[str]:
        """The stages that the report tells of, in their order, without its own."""
        return [name for name in self.context.graph.needed([self.stage.name]) if name != self.stage.name]

    @property
    def run(self) -> str:
        """The name of the run."""
        parts = PurePosixPath(self.context.work.place(self.stage.name)).parts
        return parts[1] if len(parts) > 2 and parts[0] == RUNS else MAIN

    def units(self, name: str) -> list[Unit]:
        """The units of a stage; asked for once, since that takes a while where there are many models."""
        if name not in self._units:
            self._units[name] = [] if self.context.stage(name).idle else steps.units(self.context, name)
        return self._units[name]

    @cached_property
    def figures(self) -> Mapping[str, Any]:
        """The content of metrics.json."""
        path = self.context.work.folder(self.evaluate.name) / "metrics.json"
        content: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return content

    @cached_property
    def rows(self) -> list[Row]:
        """The rows of the table of results, without chance."""
        return models.rows(self.context.graph, self.rank)

    @cached_property
    def main(self) -> str:
        """The name of the main row: the train stage's own model, or the first row where it trains none."""
        names = [row.name for row in self.rows]
        own = models.main(self.train)
        return own if own in names else names[0]

    @cached_property
    def ranks(self) -> dict[str, list[dict[str, Ranked]]]:
        """{row: [{way: its ranks} of each seed]}."""
        folder = self.context.work.folder(self.rank.name)
        return {row.name: ranks_file.read_seeds(folder, row) for row in self.rows}

    @cached_property
    def failures(self) -> list[dict[str, str]]:
        """Lines of the ledger on videos that failed, of the stages of this report."""
        return [line for line in ledger.read(self.context.work.ledger) if line["stage"] in self.stages]

    @cached_property
    def notes(self) -> list[dict[str, str]]:
        """Lines of the ledger on videos that are used in spite of a flaw, of the stages of this report."""
        return [line for line in ledger.notes(self.context.work.ledger) if line["stage"] in self.stages]
