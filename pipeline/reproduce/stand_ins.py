"""Which stages stand for the features that a published table names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pipeline.errors import Problems, did_you_mean
from pipeline.graph.graph import Graph
from pipeline.published.table import Table

SIDES = ("video", "text")
TEXT = "-text"  # behind the name of a feature: its text side, where a table has both sides of it
NONE = "-"  # in the place of a stage: do without the feature


def names(table: Table) -> dict[str, list[str]]:
    """Side -> all features that the rows of a table name, in their order."""
    features_of_sides: dict[str, dict[str, None]] = {side: {} for side in SIDES}
    for part in table.parts.values():
        for row in part.rows:
            for side, of_side in part.of(row).items():
                features_of_sides[side] |= dict.fromkeys(of_side)
    return {side: list(of_side) for side, of_side in features_of_sides.items()}


@dataclass(frozen=True)
class StandIns:
    """The stages that a person names for features of the paper; all others are named as the features.

    A feature NAME of the text side is NAME-text where the two sides have different stages.
    """

    same: Mapping[str, str] = field(default_factory=dict)  # feature -> stage that is this feature, otherwise called
    roles: Mapping[str, str] = field(default_factory=dict)  # feature -> stage that plays its part; NONE: do without

    def check(self, table: Table) -> None:
        """Raise LaffError where a name is no feature of the table, or where one is named in both ways."""
        of_sides = names(table)
        known = list(dict.fromkeys([*of_sides["video"], *of_sides["text"], *(one + TEXT for one in of_sides["text"])]))
        problems = Problems()
        for option, named in (("--as", self.same), ("--stand-in", self.roles)):
            for feature in named:
                if feature not in known:
                    hint = did_you_mean(feature, known) or f"; its features are {', '.join(known)}"
                    problems.add(f"{option} {feature}: the table has no such feature{hint}")
        problems.extend(
            f"{feature}: give --as or --stand-in, not both" for feature in self.same if feature in self.roles
        )
        problems.check(table.id)

    def stage(self, feature: str, side: str) -> str:
        """The stage that stands for a feature; NONE where it is done without."""
        for key in (feature + TEXT, feature) if side == "text" else (feature,):
            for named in (self.same, self.roles):
                if key in named:
                    return named[key]
        return feature

    def stages(self, features: Iterable[str], side: str) -> list[str]:
        """The stages that stand for features, each once."""
        return [one for one in dict.fromkeys(self.stage(name, side) for name in features) if one != NONE]

    @property
    def called(self) -> dict[str, str]:
        """Stage -> the name of the feature that it is."""
        return {stage: feature.removesuffix(TEXT) for feature, stage in self.same.items()}

    def lacking(self, graph: Graph, feature: str, side: str) -> str:
        """Why no stage stands for a feature; '' where one does, or where it is done without."""
        name = self.stage(feature, side)
        stage = graph.stages.get(name)
        if name == NONE or (stage is not None and side in stage.sides):
            return ""
        known = [other.name for other in graph.stages.values() if side in other.sides]
        return f"no stage makes a {side} feature '{name}'{did_you_mean(name, known)}"
