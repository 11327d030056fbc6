"""Query by query: who wins how many, counted by hand."""

from __future__ import annotations

from pipeline.graph.models import Row
from pipeline.report import wins
from tests.pipeline.report.results_of import figures, material, ranked


def test_wins_are_counted() -> None:
    rows = [Row("laff", (1,)), Row("concat", (1,)), Row("mean", (1,))]
    ranks = {"laff": ranked(1, 2, 9, 4), "concat": ranked(1, 3, 2, 5), "mean": ranked(7, 8, 9, 1)}
    found = material(rows, figures({"laff": (50.0,), "concat": (60.0,), "mean": (40.0,)}), ranks=ranks)
    section = wins.section(found)
    assert section is not None
    # best ranks: 1 (laff, concat), 2 (laff), 2 (concat), 1 (mean); rows with the best mAP come first
    assert section.values["rows"] == [
        ["concat", "1", "1", "1", "1", "2"],
        ["laff", "1", "1", "", "", ""],
        ["mean", "1", "0", "1", "1", "2"],
    ]
    (chart,) = section.values["charts"]
    assert chart.title == "laff and concat"
    assert "laff finds the right video earlier (2 captions), below it concat does (1)" in chart.about
    assert sum(int(row[2]) for row in chart.rows) == 4
    assert section.values["queries"] == "each of the 4 captions"
    assert section.values["left"] == ""


def test_a_row_that_is_left_out_is_counted_as_one() -> None:
    names = [f"m{number}" for number in range(wins.LISTED + 1)]
    of_rows = figures({name: (float(50 - number),) for number, name in enumerate(names)})
    found = material([Row(name, (1,)) for name in names], of_rows, ranks=dict.fromkeys(names, ranked(1)))
    section = wins.section(found)
    assert section is not None
    assert section.values["left"] == "1 row with lower mAP is"
    assert section.values["queries"] == "the one caption"


def test_one_row_wins_nothing() -> None:
    found = material([Row("conse", (0,))], figures({"conse": (1.0,)}), ranks={"conse": ranked(1)})
    assert wins.section(found) is None
