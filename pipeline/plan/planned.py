"""The state of one stage: its units that are cached, stale or missing, and why."""

from dataclasses import dataclass, field
from functools import cached_property

from pipeline.files import JsonObject
from pipeline.parts.code import source_name
from pipeline.plan.units import FIT, Unit


@dataclass
class Planned:
    """The state of one stage."""

    stage: str
    cached: list[Unit] = field(default_factory=list)
    stale: list[Unit] = field(default_factory=list)
    missing: list[Unit] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    outdated: list[Unit] = field(default_factory=list)  # stale because settings or code differ, not what it is made of
    acceptable: list[Unit] = field(default_factory=list)  # stale because of code alone, its own or of what it reads
    by_code: dict[str, None] = field(default_factory=dict)  # modules whose code has changed, of these, in order

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
        """The reasons of all its units in one line, each once."""
        return "; ".join(dict.fromkeys(part for reason in self.reasons for part in reason.split("; ")))

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
