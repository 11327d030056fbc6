"""Tables as Markdown: pipe tables, as GitHub shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pipeline.views.figure_table import BEST, TIED, FigureTable

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&])")


def escape(text: str) -> str:
    """A text as Markdown that shows it, on one line."""
    return SPECIAL.sub(r"\\\1", re.sub(r"\s+", " ", text)).strip()


def document(tables: Sequence[FigureTable]) -> str:
    """One table after the other, each with its title and its notes."""
    return "\n\n".join(map(section, tables)) + "\n"


def section(table: FigureTable) -> str:
    """One table: a bold title, the table, its notes as a list."""
    marked = table.marks()
    lines = [
        _row(map(escape, table.header)),
        _row(["---" if side == "l" else "---:" for side in table.alignment()]),
        *(
            _row(_marked(escape(str(cell)), marked.get((number, at), "")) for at, cell in enumerate(row))
            for number, row in enumerate(table.rows)
        ),
    ]
    parts = [f"**{escape(table.title)}**"] if table.title else []
    parts.append("\n".join(lines))
    if texts := [f"- {escape(note)}" for note in [*table.legend(marked), *table.notes]]:
        parts.append("\n".join(texts))
    return "\n\n".join(parts)


def _row(cells: Iterable[str]) -> str:
    """One line of a pipe table."""
    return f"| {' | '.join(cells)} |"


def _marked(text: str, mark: str) -> str:
    """A cell with its mark."""
    return f"**{text}**" if mark == BEST else f"{text} †" if mark == TIED else text
