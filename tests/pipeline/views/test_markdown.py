"""Markdown tables: escapes, alignment, marks."""

from pipeline.views import markdown
from pipeline.views.figure_table import Figure, FigureTable


def test_escapes() -> None:
    assert markdown.escape("a|b *c* _d_ `e` <f> #1 [g](h) \\ ~") == r"a\|b \*c\* \_d\_ \`e\` \<f\> \#1 \[g\](h) \\ \~"
    assert markdown.escape("two\nlines") == "two lines"


def test_a_section() -> None:
    rows = [["a_b", Figure("2.0 ± 0.1", 2.0, 0.1)], ["c|d", Figure("1.9 ± 0.1", 1.9, 0.1)], ["e", "-"]]
    assert markdown.document([FigureTable(["row", "R@1"], rows, "A title", ["A note."])]) == (
        "**A title**\n"
        "\n"
        "| row | R@1 |\n"
        "| --- | ---: |\n"
        "| a\\_b | **2.0 ± 0.1** |\n"
        "| c\\|d | 1.9 ± 0.1 † |\n"
        "| e | - |\n"
        "\n"
        "- Bold: the best of a column.\n"
        "- †: no further from the best than one standard deviation over seeds, the larger one of the two.\n"
        "- A note.\n"
    )
