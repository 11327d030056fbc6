"""The state of one stage: its units that are cached, stale or missing, and why."""

from dataclasses import dataclass, field
from functools import cached_property

from pipeline.files import JsonObject
from pipeline.parts.code import source_name
from pipeline.plan.differences import FOLLOWS
from pipeline.plan.units import FIT, Unit


@dataclass
class Planned:
    """The state of one stage."""

    stage: str
    cached: list[Unit] = field(default_factory=list)
    stale: list[Unit] = field(default_factory=list)
    missing: list[Unit] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)  # why units are stale or missing
    outdated: list[Unit] = field(default_factory=list)  # stale by settings or code, not by data
    acceptable: list[Unit] = field(default_factory=list)  # stale only by code, of the stage or its sources
    by_code: dict[str, None] = field(default_factory=dict)  # modules whose code made `acceptable` stale, in order

    @property
    def todo(self) -> list[Unit]:
        """Units to be made, in order."""
        return self.missing + self.stale if not self.stale else sorted(self.missing + self.stale, key=_order)

    @property
    def only_code(self) -> bool:
        """Whether changed code is the only reason why units are stale."""
        return bool(self.stale) and len(self.acceptable) == len(self.stale)

    @property
    def why(self) -> str:
        """All different reasons in one line; what the stage follows is named together: 'frames 4 → 5; follows a, b'."""
        parts = list(dict.fromkeys(part for reason in self.reasons for part in reason.split("; ")))
        followed = [part.removeprefix(FOLLOWS) for part in parts if part.startswith(FOLLOWS)]
        together = f"{FOLLOWS}{', '.join(followed)}"
        return "; ".join(dict.fromkeys(together if part.startswith(FOLLOWS) else part for part in parts))

    @cached_property
    def unfinished(self) -> dict[str, Unit]:
        """The units that are still to be made, by key; `record` removes those that are finished."""
        return {unit.key: unit for unit in self.todo}

    def summary(self) -> JsonObject:
        """The stage's line of `laff plan --json`."""
        counts = {"cached": len(self.cached), "stale": len(self.stale), "missing": len(self.missing)}
        code = [source_name(module) for module in self.by_code] if self.only_code else []
        return {"stage": self.stage, "shards": sum(counts.values()), **counts, "reasons": self.reasons, "code": code}


def _order(unit: Unit) -> tuple[bool, str]:
    return unit.key != FIT, unit.key  # a fit comes before the shards made with it
