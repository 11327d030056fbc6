"""A table of figures before it has a format: its cells, and which figures of a column are the best."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.views.tables import Metric, cell, digits

LOWER_IS_BETTER = ("MedR", "MeanR", "MFLOPs")  # all other metrics are better the higher they are
WORD = re.compile(r"[^\W\d_]{3}")
BEST, TIED = "best", "tied"
ROUNDING = 1e-9  # of differences of decimal figures
BEST_SENTENCE = "Bold: the best of a column."
BEST_OF_KIND = "Bold: the best of a column, among rows of its kind."
TIED_SENTENCE = "†: no further from the best than one standard deviation over seeds, the larger one of the two."


@dataclass(frozen=True)
class Figure:
    """A figure of a cell, as a text and as numbers."""

    text: str
    mean: float
    std: float = 0.0  # over seeds, as of a sample; 0 for one seed
    rounded: float | None = None  # the mean as its text has it; None: as it is

    @property
    def shown(self) -> float:
        """The mean as the reader sees it."""
        return self.mean if self.rounded is None else self.rounded

    def __str__(self) -> str:
        return self.text


Cell = str | Figure


def figure(metric: Metric, name: str) -> Figure:
    """The figure of a metric over seeds."""
    return Figure(cell(metric, name), metric["mean"], metric["std"], round(metric["mean"], digits(name)))


@dataclass(frozen=True)
class FigureTable:
    """A table: a header, rows of as many cells, and the texts beside it."""

    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    notes: Sequence[str] = ()  # sentences below it
    left: int = 1  # columns of words, which are aligned to the left
    # Groups of rows, among which the best is looked for; a row of no group has no marks. None: one group of all.
    groups: Sequence[Sequence[int]] | None = None
    breaks: Sequence[int] = field(default_factory=tuple)  # rows before which a space is left, where the format can
    keys: int = 1  # columns that name a row; they stand again where a table is parted to fit

    @classmethod
    def of(cls, cells: Sequence[Sequence[Cell]], left: int = 1, keys: int = 1) -> FigureTable:
        """The table of these cells, a header of words first."""
        header, *rows = cells
        return cls([str(name) for name in header], rows, left=left, keys=keys)

    def texts(self) -> list[list[str]]:
        """The header and the rows as texts."""
        return [list(self.header), *([str(cell) for cell in row] for row in self.rows)]

    def alignment(self) -> list[str]:
        """'l' or 'r' for each column: the first `left` ones and all others of words are aligned to the left."""
        columns = range(len(self.header))
        return ["l" if at < self.left or _of_words([row[at] for row in self.rows]) else "r" for at in columns]

    def marks(self) -> dict[tuple[int, int], str]:
        """(row, column) -> BEST or TIED."""
        groups = [range(len(self.rows))] if self.groups is None else self.groups
        marked: dict[tuple[int, int], str] = {}
        for column, name in enumerate(self.header):
            for group in groups:
                figures = {row: one for row in group if isinstance(one := self.rows[row][column], Figure)}
                marked |= {(row, column): mark for row, mark in marks(figures, lower_is_better(name)).items()}
        return marked

    def legend(self, marked: Mapping[tuple[int, int], str]) -> list[str]:
        """The sentences that say what the marks of `marks` mean."""
        kinds = set(marked.values())
        best = BEST_OF_KIND if self.groups and len(self.groups) > 1 else BEST_SENTENCE
        return [*([best] if BEST in kinds else []), *([TIED_SENTENCE] if TIED in kinds else [])]


def _of_words(cells: Sequence[Cell]) -> bool:
    """Whether most cells of a column that hold anything hold words."""
    words = sum(map(_has_words, cells))
    return 2 * words > sum(bool(str(cell)) for cell in cells)


def _has_words(cell: Cell) -> bool:
    """Whether a cell holds words and not only a figure, a p-value, or numbers."""
    return isinstance(cell, str) and bool(WORD.search(cell))


def lower_is_better(name: str) -> bool:
    """Whether the lowest figure of a column is the best, by the metric that its name ends in."""
    return name.rpartition(" ")[2] in LOWER_IS_BETTER


def marks(figures: Mapping[int, Figure], lower: bool) -> dict[int, str]:
    """Key -> BEST or TIED, for a column of at least two figures.

    BEST are all whose mean is the best, with the digits shown. TIED are others that differ from it by no more than one
    standard deviation: the larger one of theirs and the best's.
    """
    if len(figures) < 2:
        return {}
    sign = -1.0 if lower else 1.0
    top = max(sign * one.shown for one in figures.values())
    best = [key for key, one in figures.items() if sign * one.shown == top]
    if len(best) == len(figures):
        return {}
    first = max((figures[key] for key in best), key=lambda one: sign * one.mean)
    spread = max(figures[key].std for key in best)
    marked = dict.fromkeys(best, BEST)
    for key, one in figures.items():
        if key not in marked and abs(one.mean - first.mean) <= max(spread, one.std) + ROUNDING:
            marked[key] = TIED
    return marked
