r"""Tables as LaTeX with booktabs: a whole document that compiles, of which a paper takes the tables.

Texts are escaped. A letter that pdflatex has no glyph for is written as its number, such as [U+4E2D].
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pipeline.views.figure_table import BEST, TIED, FigureTable

ESCAPES = {
    "\\": r"\textbackslash{}",
    "`": r"\textasciigrave{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "±": r"$\pm$",
    "\u00d7": r"$\times$",
    "\u2212": r"$-$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "…": r"\ldots{}",
    "\u201c": r"\textquotedblleft{}",
    "\u201d": r"\textquotedblright{}",
    "\u2018": r"\textquoteleft{}",
    "\u2019": r"\textquoteright{}",
    "\u2013": r"\textendash{}",
    "\u2014": r"\textemdash{}",
    "→": r"$\to$",
    "†": r"$\dagger$",
    "·": r"$\cdot$",
    "°": r"\textdegree{}",
}
LIGATURE = re.compile(r"--+|,,+|''+")  # which T1 fonts print as one sign
# Letters beyond ASCII and Latin-1 that the font encoding T1 has.
LETTERS = frozenset("ĂăĄąĆćČčĎďĐđĘęĚěĞğİıĹĺĽľŁłŃńŇňŐőŒœŔŕŘřŚśŞşŠšŤťŮůŰűŸŹźŻżŽž")
PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage[margin=2cm]{geometry}
\usepackage{booktabs}
\usepackage{graphicx} % for \resizebox: a table that is wider than the page becomes as wide
\begin{document}
"""
END = "\\end{document}\n"


def escape(text: str) -> str:
    """A text as LaTeX source that prints it, on one line."""
    source = "".join(map(_letter, re.sub(r"\s+", " ", text)))
    return LIGATURE.sub(lambda match: "{}".join(match[0]), source)


def _letter(letter: str) -> str:
    """One letter as LaTeX source."""
    if letter in ESCAPES:
        return ESCAPES[letter]
    if 0x20 <= ord(letter) < 0x7F or 0xC0 <= ord(letter) <= 0xFF or letter in LETTERS:
        return letter
    return f"[U+{ord(letter):04X}]"


def document(tables: Sequence[FigureTable]) -> str:
    """A document that compiles with pdflatex, one table environment after the other."""
    return "\n".join([PREAMBLE, *map(environment, tables), END])


def environment(table: FigureTable) -> str:
    """The table environment of one table: needs booktabs and graphicx."""
    marked = table.marks()
    lines = [
        r"\begin{table}[htbp]",
        r"\centering",
        r"\setlength{\belowcaptionskip}{6pt}",
        *([rf"\caption{{{escape(table.title)}}}"] if table.title else []),
        r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"\begin{{tabular}}{{{''.join(table.alignment())}}}",
        r"\toprule",
        _row([escape(name) for name in table.header]),
        r"\midrule",
    ]
    for number, row in enumerate(table.rows):
        if number in table.breaks and number:
            lines.append(r"\addlinespace")
        lines.append(_row([_marked(escape(str(cell)), marked.get((number, at), "")) for at, cell in enumerate(row)]))
    lines += [r"\bottomrule", r"\end{tabular}}"]
    if texts := [escape(note) for note in [*table.legend(marked), *table.notes]]:
        lines += [
            "",
            r"\smallskip",
            r"\begin{minipage}{\linewidth}\footnotesize",
            *_paragraphs(texts),
            r"\end{minipage}",
        ]
    return "\n".join([*lines, r"\end{table}", ""])


def _paragraphs(texts: Sequence[str]) -> list[str]:
    """Texts with a line end behind each but the last."""
    return [rf"{text}\\" for text in texts[:-1]] + [texts[-1]]


def _row(cells: Sequence[str]) -> str:
    """One row of a tabular. A first cell that begins with a bracket would be taken for an option of the row above."""
    first, *rest = cells
    return rf"{' & '.join(['{}' + first if first.startswith(('[', '*')) else first, *rest])} \\"


def _marked(text: str, mark: str) -> str:
    """A cell's source with its mark."""
    return rf"\textbf{{{text}}}" if mark == BEST else rf"{text}$^\dagger$" if mark == TIED else text
