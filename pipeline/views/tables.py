"""Where results of an analysis go: a table on the terminal, CSV under WORK/analyze."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pipeline import files

FOLDER = "analyze"  # below a workspace


def folder(work: Path, verb: str) -> Path:
    """WORK/analyze/<verb>."""
    return work / FOLDER / verb


def text_table(rows: Sequence[Sequence[Any]], left: int = 1) -> str:
    """Rows of cells, a header first: the first `left` columns to the left, numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = [
        "  ".join(
            text.ljust(width) if column < left else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "-" * max(len(line) for line in lines), *lines[1:]])


def p_text(p: float) -> str:
    """A p-value with the digits that ten thousand samples bear."""
    return f"{p:.4f}" if p >= 0.001 else "< 0.001"


def write_csv(path: Path, rows: Iterable[Sequence[Any]]) -> Path:
    """Write rows, a header first, whole or not at all; numbers keep their digits."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    files.write_text(path, out.getvalue())
    return path
