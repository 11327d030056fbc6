"""The work that a plan leaves: how many items, and how long it takes where the workspace has made such units before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.plan.context import Context
from pipeline.plan.planned import Planned
from pipeline.plan.record import TIMES
from pipeline.plan.units import Unit
from pipeline.store import journal

ITEMS = {"video": "videos", "text": "captions"}
TRAININGS = "trainings"
SHARD = ".h5"


@dataclass(frozen=True)
class Work:
    """What is left to make of a stage."""

    items: dict[str, int]  # {"videos": 128}, and captions or trainings; {} where its units are none of these
    seconds: float | None  # None: no unit of some kind that is to be made has been made here


class _Made(NamedTuple):
    """Units of one kind that the workspace has made."""

    units: int
    seconds: float
    rows: int


@dataclass
class Times:
    """What WORK/times.jsonl knows: of each unit of a stage the last time that it was made."""

    made: dict[str, dict[str, tuple[float, int]]] = field(default_factory=dict)  # stage -> {unit: (seconds, rows)}

    @classmethod
    def of(cls, context: Context) -> Times:
        """Those of a workspace; none where nothing was made."""
        times = cls()
        for line in journal.read(context.work.root / TIMES):
            seconds, rows = line.get("seconds"), line.get("rows")
            if isinstance(seconds, int | float) and isinstance(rows, int):
                times.made.setdefault(str(line.get("stage")), {})[str(line.get("unit"))] = (seconds, rows)
        return times

    def like(self, stage: str, kind: str) -> _Made:
        """All units of one kind of a stage."""
        alike = [value for unit, value in self.made.get(stage, {}).items() if kind_of(unit) == kind]
        return _Made(len(alike), sum(seconds for seconds, _ in alike), sum(rows for _, rows in alike))

    def trainings(self, stage: str) -> _Made:
        """All trainings of a stage, of whatever model."""
        alike = [value for unit, value in self.made.get(stage, {}).items() if _is_training(unit)]
        return _Made(len(alike), sum(seconds for seconds, _ in alike), 0)


def kind_of(unit: str) -> str:
    """What units are alike, by their key: shards of one side, seeds of one model, else only the unit itself."""
    folder = unit.rpartition("/")[0]
    return f"{folder}/{SHARD}" if unit.endswith(SHARD) else folder or unit


def _is_training(unit: str) -> bool:
    return "/seed" in unit and not unit.endswith(SHARD)


def work(context: Context, planned: Planned, times: Times) -> Work:
    """What is left to make of a stage, and how long it takes in one process, as its like took here."""
    todo = planned.todo
    counts: Counter[str] = Counter()
    for unit in todo:
        if unit.shard >= 0:
            counts[ITEMS[unit.side]] += len(context.catalog.shards(unit.side)[unit.shard])
        elif _is_training(unit.key) and context.stage(planned.stage).about.fuses:
            counts[TRAININGS] += 1
    return Work(dict(counts), _seconds(context, planned.stage, todo, times))


def _seconds(context: Context, stage: str, units: Sequence[Unit], times: Times) -> float | None:
    """Seconds that units of a stage take; None where one of them has no like."""
    total, known = 0.0, {kind: times.like(stage, kind) for kind in {kind_of(unit.key) for unit in units}}
    for unit in units:
        alike = known[kind_of(unit.key)]
        if not alike.units and _is_training(unit.key):
            alike = times.trainings(stage)
        if not alike.units:
            return None
        if unit.shard >= 0 and alike.rows:
            total += alike.seconds / alike.rows * len(context.catalog.shards(unit.side)[unit.shard])
        else:
            total += alike.seconds / alike.units
    return total
