"""LaTeX: escapes, marks, and a document that compiles."""

import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.views import latex
from pipeline.views.figure_table import Figure, FigureTable

HARD = "50 % of $5 & #1_a {b} ~ ^ \\ <x> | “q” 'r' `s` -- ,, ± \u00d7 \u2212 ≤ … † é ß Ł ő 猫 🐈"
TABLE = FigureTable(
    ["row", "R@1", "MedR"],
    [
        ["laff_a", Figure("12.0 ± 0.5", 12.0, 0.5), Figure("8", 8.0)],
        ["[b] & c", Figure("11.8 ± 0.1", 11.8, 0.1), Figure("9", 9.0)],
        ["*", "-", "-"],
    ],
    title=HARD,
    notes=["A note: 100 %.", HARD],
    breaks=[0, 2],
)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("a_b & 5 % #1 $x$", r"a\_b \& 5 \% \#1 \$x\$"),
        (r"{a}\b", r"\{a\}\textbackslash{}b"),
        ("x^2 ~ <y> | z", r"x\textasciicircum{}2 \textasciitilde{} \textless{}y\textgreater{} \textbar{} z"),
        ("1.0 ± 0.1", r"1.0 $\pm$ 0.1"),
        ("--role a", "-{}-role a"),
        ("''", "'{}'"),
        ("a\nb\tc  d", "a b c d"),
        ("Łódź ÷ é", "Łódź ÷ é"),
        ("猫\u200b", "[U+732B][U+200B]"),
        ("plain - (text), 'x' * [1] @2 = a/b + c; d: e! f?", "plain - (text), 'x' * [1] @2 = a/b + c; d: e! f?"),
    ],
)
def test_escapes(text: str, source: str) -> None:
    assert latex.escape(text) == source


def test_an_environment() -> None:
    lines = latex.environment(TABLE).splitlines()
    assert lines[0] == r"\begin{table}[htbp]"
    assert lines[-1] == r"\end{table}"
    assert r"\begin{tabular}{lrr}" in lines
    assert [line for line in lines if line.startswith("\\") and "rule" in line] == [
        r"\toprule",
        r"\midrule",
        r"\bottomrule",
    ]
    assert r"laff\_a & \textbf{12.0 $\pm$ 0.5} & \textbf{8} \\" in lines
    assert r"{}[b] \& c & 11.8 $\pm$ 0.1$^\dagger$ & 9 \\" in lines  # else the bracket is an option of the row above
    assert lines[lines.index(r"{}* & - & - \\") - 1] == r"\addlinespace"
    assert lines.count(r"\addlinespace") == 1  # none before the first row
    assert "Bold: the best of a column." in "\n".join(lines)


def test_a_document_has_what_its_tables_need() -> None:
    source = latex.document([TABLE, TABLE])
    assert source.index(r"\usepackage{booktabs}") < source.index(r"\begin{document}") < source.index(r"\begin{table}")
    assert source.count(r"\begin{table}") == source.count(r"\end{table}") == 2
    assert source.endswith("\\end{document}\n")
    assert source.isascii() or set(filter(lambda one: not one.isascii(), source)) <= set("éßŁő")


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
def test_it_compiles(tmp_path: Path) -> None:
    (tmp_path / "table.tex").write_text(latex.document([TABLE]), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, errors="replace")
    assert result.returncode == 0, result.stdout[-2000:]
    assert "Missing character" not in (tmp_path / "table.log").read_text(errors="replace")
