"""What stands below the table of a comparison."""

from typing import Any

from pipeline.compare import table
from pipeline.evaluation.results import VAL_IS_TEST
from pipeline.views.figure_table import BEST, TIED


def test_what_is_unusual_about_the_figures_is_said_below_them() -> None:
    figures = {"training": dict.fromkeys(table.TRAINING, 1), "against": "", "untested": "", "roles": {}}
    usual = table.legend(figures)
    assert table.legend({**figures, "unusual": []}) == usual
    (said,) = set(table.legend({**figures, "unusual": [VAL_IS_TEST]})) - set(usual)
    assert said == "Val is test: the best epoch was chosen by these very queries."


def test_rows_of_second_scoring_have_a_best_of_their_own() -> None:
    """They use all queries at once, so they never take the mark from a plain row."""

    def row(mean: float) -> dict[str, Any]:
        spread = {"mean": mean, "std": 0.5, "seeds": [mean - 0.5, mean + 0.5]}
        return {"t2v": {"R@1": spread, "queries": 4, "candidates": 3}, "seeds": [1, 2], "differs": ""}

    about = {"method": "dual-softmax", "of": "laff", "transductive": True, "words": "…"}
    second = {"laff+dual-softmax": row(30.0) | {"second": about}, "mean+dual-softmax": row(28.0) | {"second": about}}
    figures = {
        **{"rows": {"laff": row(20.0), "mean": row(19.6), "concat": row(10.0), **second}, "notes": {}, "left_out": {}},
        **{"training": dict.fromkeys(table.TRAINING, 1), "against": "", "untested": "", "roles": {}},
        **{"collection": "mine", "grid": "blocks", "coverage": 1.0},
    }
    assert table.shown(figures, "t2v").marks() == {(0, 1): BEST, (1, 1): TIED, (3, 1): BEST}
