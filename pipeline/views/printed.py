"""Tables as text: plain and complete for a file or a pipe; on a terminal as wide as it is, with the best in bold."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.views.figure_table import BEST, BEST_OF_KIND, BEST_SENTENCE, FigureTable

if TYPE_CHECKING:
    from rich.table import Table

GAP = 2  # blanks between two columns
LEAST = 14  # letters of a column of words before its lines are folded further
NARROW = 20  # columns of a terminal that no table is fitted below
NO_STYLES: Mapping[str, str] = MappingProxyType({})
ONE_CELL = "\u0300"  # letters below it are one column wide; behind it come marks without a width and wide letters


@dataclass(frozen=True)
class Paper:
    """What a table is printed on."""

    width: int = 0  # in columns; 0: no table is too wide
    styled: bool = False  # whether it shows bold letters and colours


PLAIN = Paper()


def text(table: FigureTable, paper: Paper = PLAIN) -> str:
    """A table: title, aligned columns, notes."""
    marked = table.marks() if paper.styled else {}
    legend = [line for line in table.legend(marked) if line in (BEST_SENTENCE, BEST_OF_KIND)]
    notes = "\n".join(folded(note, paper) for note in [*legend, *table.notes])
    return "\n\n".join(filter(None, [folded(table.title, paper), columns(table, paper), notes]))


def folded(sentence: str, paper: Paper = PLAIN) -> str:
    """A sentence in lines that fit the paper; words are not divided, so that a path can be copied."""
    if not paper.width or cell_width(sentence) <= paper.width:
        return sentence
    return fill(sentence, max(paper.width, NARROW), break_long_words=False, break_on_hyphens=False)


def columns(table: FigureTable, paper: Paper = PLAIN, styles: Mapping[str, str] = NO_STYLES) -> str:
    """The columns of a table without its title and notes; styles: rich's names of styles, for cells of these texts."""
    rows = table.texts()
    widths = [max(cell_width(row[at]) for row in rows) for at in range(len(table.header))]
    if paper.styled or 0 < paper.width < sum(widths) + GAP * (len(widths) - 1):
        return _fitted(table, rows, widths, paper, styles)
    sides = table.alignment()
    lines = [
        (" " * GAP)
        .join(_aligned(text, width, side) for text, width, side in zip(row, widths, sides, strict=True))
        .rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-" * max(map(cell_width, lines)), *lines[1:]])


def cell_width(text: str) -> int:
    """How many columns of a terminal a text takes: most letters take one, those of East Asia two."""
    if not text or max(text) < ONE_CELL:
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _aligned(text: str, width: int, side: str) -> str:
    """A text with blanks behind it, or before it."""
    blanks = " " * (width - cell_width(text))
    return text + blanks if side == "l" else blanks + text


def _fitted(
    table: FigureTable,
    rows: Sequence[Sequence[str]],
    widths: Sequence[int],
    paper: Paper,
    styles: Mapping[str, str],
) -> str:
    """The columns on a paper: words are folded; what still is too wide goes below, with the names of the rows again."""
    from rich.console import Console

    width = max(paper.width, NARROW) if paper.width else sum(widths) + GAP * len(widths)
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=paper.styled,
        color_system="standard" if paper.styled else None,
        legacy_windows=False,
        _environ={},
    )
    parts = []
    for block in _blocks(table, widths, width):
        with console.capture() as captured:
            console.print(_grid(table, rows, widths, block, styles))
        parts.append("\n".join(line.rstrip() for line in captured.get().splitlines()))
    return "\n\n".join(parts)


def _blocks(table: FigureTable, widths: Sequence[int], width: int) -> Iterator[list[int]]:
    """Which columns stand side by side: all if they fit, else several groups that begin with the same columns."""
    sides = table.alignment()
    least = [min(size, LEAST) if side == "l" else size for size, side in zip(widths, sides, strict=True)]
    names = list(range(min(table.keys, len(widths))))
    block, used = list(names), sum(least[at] + GAP for at in names)
    for at in range(len(names), len(widths)):
        if len(block) > len(names) and used + least[at] > width:
            yield block
            block, used = list(names), sum(least[one] + GAP for one in names)
        block.append(at)
        used += least[at] + GAP
    yield block


def _grid(
    table: FigureTable,
    rows: Sequence[Sequence[str]],
    widths: Sequence[int],
    block: Sequence[int],
    styles: Mapping[str, str],
) -> Table:
    """Some columns of a table for rich; texts are taken as they are, without rich's markup.

    A block of further columns leaves out the rows that have nothing there.
    """
    from rich.box import Box
    from rich.table import Table
    from rich.text import Text

    rule = Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)  # a line below the header alone
    grid = Table(box=rule, show_edge=False, pad_edge=False, padding=(0, GAP - 1, 0, 0), header_style="none")
    sides, marked = table.alignment(), table.marks()
    for at in block:
        side = sides[at]
        grid.add_column(
            Text(rows[0][at]),
            justify="left" if side == "l" else "right",
            no_wrap=side == "r",
            overflow="fold",
            min_width=min(widths[at], LEAST) if side == "l" else widths[at],
        )
    further = [at for at in block if at >= table.keys]
    first = table.keys in block or not further
    for number, row in enumerate(rows[1:]):
        if first or any(row[at] for at in further):
            looks = ["bold" if marked.get((number, at)) == BEST else styles.get(row[at], "none") for at in block]
            grid.add_row(*(Text(row[at], style=look) for at, look in zip(block, looks, strict=True)))
    return grid
