"""What stands below the table of a comparison."""

from pipeline.compare import table
from pipeline.evaluation.results import VAL_IS_TEST


def test_what_is_unusual_about_the_figures_is_said_below_them() -> None:
    figures = {"training": dict.fromkeys(table.TRAINING, 1), "against": "", "untested": "", "roles": {}}
    usual = table.legend(figures)
    assert table.legend({**figures, "unusual": []}) == usual
    (said,) = set(table.legend({**figures, "unusual": [VAL_IS_TEST]})) - set(usual)
    assert said == "Val is test: the best epoch was chosen by these very queries."
