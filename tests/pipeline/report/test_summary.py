"""The first screen: the best row, the main one beside it, and what the figures cover."""

from __future__ import annotations

from typing import Any

from pipeline.report import summary
from tests.pipeline.report.results_of import figures, material, ranked, trained

LOST = [{"video": "a"}, {"video": "a"}, {"video": "b"}]  # of two stages


def shown(of_rows: dict[str, tuple[float, ...]], ranks: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The first screen of rows with these values of R@10; laff is the main one."""
    rows = [trained(name) for name in of_rows if name != "chance"]
    found = material(rows, figures(of_rows) | changes, ranks=ranks, failures=LOST, notes=LOST[:1])
    found.context = type("Context", (), {"name": "mine"})
    return summary.summary(found)


def test_the_best_row_and_the_main_one_beside_it() -> None:
    # ten captions of ten videos, each with precision 1/2 against 1: of 1,024 signs 2 are as far from 0
    ranks = {"laff": ranked(*[2] * 10), "concat": ranked(*[1] * 10)}
    found = shown({"laff": (40.0,), "concat": (50.0,), "chance": (2.0,)}, ranks)
    assert found["about"] == (
        "How well 2 systems find videos by a sentence: 8 captions among 4 videos. The main one is laff."
    )
    best, main = found["cards"][0]["rows"]
    assert (best["name"], best["label"], best["compared"]) == ("concat", "best by mAP", "")
    assert best["figures"] == [("R@10", "50.0"), ("MedR", "50.0"), ("mAP", "0.500")]
    assert (main["name"], main["label"]) == ("laff", "the main row")
    assert main["compared"].startswith("mAP\u00a00.100 below concat, more than chance explains (p\u00a00.00")
    assert found["cards"][0]["chance"] == "R@10\u00a02.0, MedR\u00a098.0, mAP\u00a00.020"


def test_the_next_best_stands_beside_the_main_row_where_that_is_best() -> None:
    ranks = {"laff": ranked(1, 2), "concat": ranked(2, 1), "mean": ranked(9, 9)}
    found = shown({"laff": (40.0,), "mean": (1.0,), "concat": (30.0,)}, ranks)
    for card in found["cards"]:
        main, other = card["rows"]
        assert (main["name"], main["label"]) == ("laff", "best by mAP, the main row")
        assert (other["name"], other["label"]) == ("concat", "next best")
        assert other["compared"] == "mAP\u00a00.100 below laff, which may be chance (p\u00a01.0000)"


def test_one_row_alone() -> None:
    found = shown({"laff": (40.0,)}, {})
    assert found["about"] == "How well laff finds videos by a sentence: 8 captions among 4 videos."
    (row,) = found["cards"][0]["rows"]
    assert (row["label"], row["compared"]) == ("the main row", "")


def test_what_the_figures_cover() -> None:
    found = shown({"laff": (40.0,)}, {}, untrained=["x3d"], unusual=["val is test: beware"])
    assert found["coverage"] == "75.0%"
    assert found["facts"] == [
        ("videos with every feature", "3 of 4"),
        ("captions", "8"),
        ("failed, all splits", "2 videos"),
        ("used in spite of a flaw", "1 video"),
        ("seeds of laff", "1"),
        ("video features of laff", "v"),
        ("text features of laff", "t"),
    ]
    assert found["warnings"] == [
        "RANDOM WEIGHTS in x3d: these figures show that it runs, not how good it is.",
        "Val is test: beware.",
    ]
