"""The metrics of the page: what is bold, what is said of video to text, and which rows are drawn."""

from __future__ import annotations

import pytest
import torch

from fusion.losses import LOSSES
from pipeline.report import metrics
from tests.pipeline.report.results_of import figures, material, trained


def test_the_best_is_bold_and_not_the_main_row() -> None:
    table = metrics.figure_table(figures({"laff": (40.0, 42.0), "concat": (50.0, 50.0), "chance": (2.0,)}), "t2v")
    marks = table.marks()
    assert {place for place, mark in marks.items() if mark == "best"} == {(1, 1), (1, 2), (1, 3)}
    assert not [row for row, _ in marks if row == 2]  # chance is never marked
    assert table.texts()[2] == ["concat", "50.0 ± 0.0", "50.0 ± 0.0", "0.500 ± 0.000"]


def test_rows_of_second_scoring_have_a_best_of_their_own() -> None:
    of_rows = figures({"laff": (40.0,), "concat": (30.0,), "laff+qb-norm": (90.0,), "concat+qb-norm": (80.0,)})
    for name in ("laff+qb-norm", "concat+qb-norm"):
        of_rows["models"][name] = of_rows["models"][name] | {"second": {"method": "qb-norm"}}
    marks = metrics.figure_table(of_rows, "t2v").marks()
    assert {row for (row, _), mark in marks.items() if mark == "best"} == {0, 2}
    chart = metrics.intervals(of_rows, "t2v", "laff")
    assert chart is not None
    assert [row[0] for row in chart.rows] == ["laff", "concat"]


def test_two_hundred_rows_are_all_in_the_table_and_some_of_them_drawn() -> None:
    of_rows = figures({f"m{number:03d}": (float(number % 90), 5.0) for number in range(200)})
    assert len(metrics.figure_table(of_rows, "t2v").rows) == 200
    chart = metrics.intervals(of_rows, "t2v", "m000")
    assert chart is not None
    assert len(chart.rows) == metrics.PLOTTED
    assert chart.rows[0][0] == "m000"  # the main row comes first
    assert f"The best {metrics.PLOTTED} of 200 rows" in chart.about


def test_what_no_loss_aimed_at_is_said() -> None:
    rows = [trained("laff"), trained("both", "triplet-both"), trained("back", "triplet-caption")]
    found = material(rows, figures({"laff": (1.0,), "both": (1.0,), "back": (1.0,)}))
    assert metrics.untrained_way(found, "v2t").startswith(
        "No training aimed at these figures: the loss triplet of laff pushes wrong videos away from a caption, "
    )
    assert "triplet-caption of back pushes wrong captions away from a video" in metrics.untrained_way(found, "t2v")
    assert metrics.untrained_way(material([trained("both", "infonce")], figures({"both": (1.0,)})), "v2t") == ""


@pytest.mark.parametrize("loss", LOSSES)
def test_the_ways_of_a_loss_are_those_that_it_learns(loss: str) -> None:
    """A wrong video above the right one costs a loss of t2v, a wrong caption above the right one a loss of v2t."""

    def cost(row: int, column: int) -> float:
        cosines = torch.eye(3)
        cosines[0, 0], cosines[row, column] = 0.1, 0.25
        return float(LOSSES[loss](cosines[None], torch.tensor(1.0)))

    wrong_video, wrong_caption = cost(0, 1), cost(1, 0)  # caption 0 likes video 1; video 0 likes caption 1
    learned = {
        way
        for way, one, other in (("t2v", wrong_video, wrong_caption), ("v2t", wrong_caption, wrong_video))
        if one >= other - 1e-6
    }
    assert set(metrics.learned_ways(loss)) == learned


def test_a_loss_of_all_models_names_none_of_them() -> None:
    found = material([trained("laff"), trained("concat")], figures({"laff": (1.0,), "concat": (1.0,)}))
    assert "the loss triplet of all models pushes" in metrics.untrained_way(found, "v2t")
