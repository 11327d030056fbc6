"""The page of a comparison in a browser: columns that sort, hostile texts, and a phone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.compare import table
from pipeline.compare.page import comparison
from tests import browsing

HOSTILE = "<script>window.hit = 1</script>"


def metric(mean: float, std: float = 0.5) -> dict[str, Any]:
    return {"mean": mean, "std": std, "seeds": [mean - std, mean + std]}


def row(recall: float, median: float, p: float | None) -> dict[str, Any]:
    way = {"R@1": metric(recall), "MedR": metric(median), "mAP": metric(recall / 100, 0.01)}
    tested = {"p": p, "p_holm": p} if p is not None else {}
    both = {name: way | tested | {"queries": 1200, "candidates": 300} for name in ("t2v", "v2t")}
    return both | {"seeds": [1, 2], "differs": HOSTILE, "parameters": 1_000_000, "seconds_epoch": [None, None]}


def figures() -> dict[str, Any]:
    rows = {"laff": row(20.0, 9.0, None), "late<b>": row(8.5, 110.0, 0.02), "concat": row(19.8, 10.0, 0.5)}
    quoted = {
        "title": HOSTILE,
        "header": ["model", "R@1"],
        "rows": [["laff", "45.8"]],
        "notes": [f"Source: {HOSTILE}."],
    }
    return {
        **{"collection": HOSTILE, "grid": "blocks", "about": f"two {HOSTILE}", "ties": "places: of ties"},
        **{"rows": rows, "notes": {}, "left_out": {HOSTILE: "no feature"}, "coverage": 1.0, "untrained": ["x3d"]},
        **{"training": dict.fromkeys(table.TRAINING, 1), "against": "laff", "untested": "", "roles": {}},
        "quoted": [quoted],
    }


def test_columns_sort_texts_are_texts_and_a_phone_does_not_scroll_sideways(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(comparison(figures()), encoding="utf-8")
    with browsing.browser() as started, browsing.page(started, **browsing.PHONE) as watched:
        shown = watched.page
        shown.goto((tmp_path / "index.html").as_uri())
        first = shown.locator("table.sortable").first
        names = first.locator("tbody th")

        def sort(name: str) -> list[str]:
            first.locator(".sort").get_by_text(name, exact=True).click()
            return names.all_inner_texts()

        assert sort("R@1") == ["laff", "concat", "late<b>"]
        assert sort("R@1") == ["late<b>", "concat", "laff"]
        assert sort("MedR") == ["laff", "concat", "late<b>"]  # the lowest is the best; 110 is no text
        assert first.locator("th[aria-sort=ascending]").inner_text().startswith("MedR")
        assert sort("p, laff") == ["late<b>", "concat", "laff"]  # who has none is the last
        assert sort("model") == ["concat", "laff", "late<b>"]
        assert first.locator("td.best").first.inner_text() == "20.0 ± 0.5"
        assert first.locator("tr.main th").inner_text() == "laff"
        assert "45.8" in shown.locator(".quoted").inner_text()
        assert "45.8" not in first.inner_text()
        assert "RANDOM WEIGHTS in x3d" in shown.inner_text(".warn")
        assert shown.inner_text("h1") == f"{HOSTILE}: blocks"
        assert shown.evaluate("window.hit === undefined")
        assert shown.evaluate("document.documentElement.scrollWidth <= screen.width")
        assert browsing.serious_findings(shown) == []
