"""A published table: figures of a paper by rows, test sets and metrics, with what they were measured on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Names = Mapping[str, tuple[str, ...]]  # side, video or text -> features by the paper's names
Figures = dict[str, float]  # metric -> figure; what the source does not give is not there


@dataclass(frozen=True)
class Part:
    """Rows of a table that were measured on the same features."""

    name: str
    rows: dict[str, dict[str, Figures]]  # row -> test set -> figures
    about: str = ""
    tag: str = ""  # what all of its rows are, such as `dual softmax`
    tags: dict[str, str] = field(default_factory=dict)  # row -> what it is, beside `tag`
    features: Names = field(default_factory=dict)  # empty where the rows have features of their own
    features_of: dict[str, Names] = field(default_factory=dict)  # row -> its features, where they are others

    def of(self, row: str) -> Names:
        """The features of a row."""
        return self.features_of.get(row, self.features)


@dataclass(frozen=True)
class Table:
    """A table of a source. R@k is in percent, text to video; mAP and infAP are in 0..1; MedR is a rank."""

    id: str
    title: str
    source: str
    metrics: tuple[str, ...]
    # Test set -> its protocols, as the key `protocol` of a collection.yaml says them: several where the source leaves
    # open which, none where it says nothing.
    sets: dict[str, tuple[str, ...]]
    parts: dict[str, Part]
    notes: tuple[str, ...] = ()
    also: tuple[str, ...] = ()  # other ids of it
    grid: str = ""  # the shipped grid of `laff compare` whose rows are those of the table
    roles: dict[str, str] = field(default_factory=dict)  # role of that grid -> feature by the paper's name
    command: str = ""  # the command that measures the same and shows the table beside it, where no grid does
    why: str = ""  # why nothing here measures the same, where neither is there

    @property
    def runs(self) -> bool:
        """Whether `laff reproduce` can train its rows."""
        return bool(self.grid)

    def set_of(self, protocol: str) -> str:
        """The test set that a protocol is; '' for none."""
        return next((name for name, known in self.sets.items() if protocol in known), "")

    def sets_of(self, part: Part) -> list[str]:
        """The test sets that any row of a part has figures of, in the table's order."""
        return [name for name in self.sets if any(name in figures for figures in part.rows.values())]
