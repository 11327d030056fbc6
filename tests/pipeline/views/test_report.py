"""The results of a run as a table and as a page."""

from typing import Any

import pytest

from pipeline.views import page, results, results_table
from pipeline.views.report import report


def spread(*seeds: float) -> dict[str, Any]:
    return {"mean": sum(seeds) / len(seeds), "std": 1.0, "seeds": list(seeds)}


@pytest.fixture
def figures() -> dict[str, Any]:
    def row(*seeds: float) -> dict[str, Any]:
        one = {"R@1": spread(*seeds), "mAP": spread(0.5), "queries": 4, "candidates": 3, "seed_numbers": [1]}
        return {"t2v": one, "v2t": one | {"queries": 3, "candidates": 4}}

    return {
        "protocol": "mine & yours",
        "ties": "rank < 1",
        "coverage": 0.75,
        "splits": {"test": {"videos": 4, "covered": 3, "coverage": 0.75, "captions": 4}},
        "untrained": [],
        "models": {"<laff>": row(10.0, 12.0), "chance": row(25.0)},
        "bootstrap": {"<laff>": {"t2v": {"R@10": [1.25, 2.0]}, "v2t": {"R@10": [3.0, 4.0]}}},
    }


def test_the_table_has_the_metrics_that_the_results_have(figures: dict[str, Any]) -> None:
    assert results_table.text(figures) == (
        "t2v: 4 captions among 3 videos, coverage 0.750\n"
        "model          R@1    mAP\n"
        "-------------------------\n"
        "<laff>  11.0 ± 1.0  0.500\n"
        "chance        25.0  0.500"
    )
    assert results_table.text(figures, "v2t").startswith("v2t: 3 videos among 4 captions")


def test_random_weights_are_said(figures: dict[str, Any]) -> None:
    assert results.warning(figures) == ""
    assert "class='warn'" not in report("mine", figures, [], {}, {})
    figures["untrained"] = ["clip", "x3d"]
    assert results.warning(figures).startswith("RANDOM WEIGHTS in clip, x3d: ")
    assert "<p class='warn'>RANDOM WEIGHTS in clip, x3d: " in report("mine", figures, [], {}, {})


def test_the_page(figures: dict[str, Any]) -> None:
    failed = [{"video": "v1", "stage": "clip", "reason": "a <b>"}, {"video": "v1", "stage": "x3d", "reason": "c"}]
    shown = report("a & b", figures, failed, {"x3d": 70.0, "train": 1.25}, {"train": 0.5, "w2v": 9.0})
    assert shown.startswith(
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>laff: a &amp; b</title><style>"
    )
    assert "<h1>a &amp; b</h1><p>mine &amp; yours</p><h2>Text to video</h2>" in shown
    assert "<tr><th>model</th><th>R@1</th><th>mAP</th><tr class=main><td>&lt;laff&gt;</td><td>11.0 ± 1.0</td>" in shown
    assert "<p><small>&lt;laff&gt;: R@10 1.2 to 2.0 (95 % bootstrap over videos)</small></p>" in shown
    assert "<tr><td>test</td><td>4</td><td>3</td><td>4</td></tr>" in shown
    assert "<p>1 video(s)</p><table><tr><th>video</th>" in shown
    assert "<td class='text'>a &lt;b&gt;</td></tr>" in shown
    assert shown.endswith(
        "<tr><th>stage</th><th>results shown</th><th>this run</th></tr>"
        "<tr><td>x3d</td><td>70.0</td><td></td></tr><tr><td>train</td><td>1.2</td><td>0.5</td></tr>"
        "<tr><td>all</td><td>71.2</td><td>0.5</td></tr></table></html>\n"
    )
    assert "Notes" not in shown
    noted = report("a & b", figures, [], {}, {}, [{"video": "v2", "stage": "x3d", "reason": "80 of 100 frames"}])
    assert "<h2>Notes</h2><table><tr><th>video</th>" in noted
    assert "<td class='text'>80 of 100 frames</td></tr></table><h2>Times</h2>" in noted


def test_tables_of_a_page_escape_and_mark_one_row() -> None:
    shown = page.table(["a", "b"], [["x", "<"], ["y", "1"]], main="y")
    assert shown == (
        "<table><tr><th>a</th><th>b</th></tr><tr><td>x</td><td>&lt;</td></tr>"
        "<tr class=main><td>y</td><td>1</td></tr></table>"
    )
    assert page.small("a", "<b>") == "<p><small>a<br>&lt;b&gt;</small></p>"
