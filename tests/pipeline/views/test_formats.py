"""The formats of a table."""

import csv
import io

from pipeline.commands.options import FORMAT
from pipeline.views import formats
from pipeline.views.figure_table import Figure, FigureTable

TABLE = FigureTable(
    ["row", "R@1", "note"], [["a", Figure("0.3", 0.1 + 0.2, 0.5), "x, y"], ["b", "-", ""]], "A title", ["A note."]
)


def test_text_has_no_marks() -> None:
    assert formats.written([TABLE], "text") == (
        "A title\n\nrow  R@1  note\n--------------\na    0.3  x, y\nb      -\n\nA note.\n"
    )


def test_a_csv_has_all_digits_and_the_std() -> None:
    lines = list(csv.reader(io.StringIO(formats.written([TABLE], "csv"))))
    assert lines == [
        ["row", "R@1 mean", "R@1 std", "note"],
        ["a", "0.30000000000000004", "0.5", "x, y"],
        ["b", "-", "", ""],
    ]


def test_each_format_is_offered() -> None:
    parameter = FORMAT(lambda: None).__click_params__[0]
    assert tuple(parameter.type.choices) == formats.FORMATS
    assert len({formats.written([TABLE], form) for form in formats.FORMATS}) == 4
