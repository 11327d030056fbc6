"""The model that the report looks into, and what was measured of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from pipeline import files
from pipeline.errors import LaffError
from pipeline.graph import models
from pipeline.graph.models import Model
from pipeline.inspection import sample
from pipeline.inspection.sample import Sample
from pipeline.inspection.subject import Subject
from pipeline.report.kept import Kept
from pipeline.report.material import Material

Value = TypeVar("Value")
SEEDS = 5  # of the model, at most


@dataclass
class Inspected:
    """A trained model, looked into over a sample of test; read only where something is not measured yet."""

    material: Material
    model: Model
    sample: Sample
    kept: Kept

    @property
    def name(self) -> str:
        """The name of its row."""
        return self.model.name

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that are looked at."""
        return self.model.seeds[:SEEDS]

    @property
    def seeds_words(self) -> str:
        """The seeds in words."""
        left = f" of {len(self.model.seeds)}" if len(self.seeds) < len(self.model.seeds) else ""
        return f"seed{'s' if len(self.seeds) > 1 else ''} {', '.join(map(str, self.seeds))}{left}"

    @cached_property
    def subject(self) -> Subject:
        """The model and the features of the sample."""
        return sample.subject(self.material.context, self.model, self.seeds, self.sample)

    @cached_property
    def _digest(self) -> str:
        """What shapes its measures: its trainings, the sample, and the code that measures."""
        context, train = self.material.context, self.material.train
        keys = {f"{self.name}/seed{seed}" for seed in self.seeds}
        packed = train.packed.sha256 if train.packed else {}
        units = [] if packed else [u for u in self.material.units(train.name) if u.key in keys]
        rows = [self.sample.videos.tolist(), self.sample.captions.tolist()]
        of = [[unit.key, unit.fingerprint, unit.content] for unit in units]
        content = context.catalog.split_content("test")
        return files.digest([of, packed, rows, content, context.fingerprint(self.material.stage.name)])

    def value(self, name: str, measure: Callable[[], Value]) -> Value | str:
        """A measure of the model, from the last report where nothing changed; or why it cannot be measured."""

        def attempt() -> Value | str:
            try:
                return measure()
            except LaffError as error:  # a report is written whatever a model of others does
                return str(error)

        return self.kept.value(f"{name} of {self.name}", self._digest, attempt)


def inspected(material: Material, kept: Kept) -> Inspected | None:
    """The main model of a run; None where none is trained."""
    if material.train.idle:
        return None
    trained = models.of(material.context.graph, material.train)
    model = next((one for one in trained if one.name == material.main), trained[0])
    lost = frozenset(material.context.lost(list(model.video)))
    return Inspected(material, model, sample.sample(material.context.catalog, lost), kept)
