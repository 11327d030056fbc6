"""The comparisons of a workspace, as `laff runs` lists them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.plan import comparison_list
from pipeline.plan.run_list import local
from pipeline.store.index import Entry, Index


def metric(mean: float) -> dict[str, Any]:
    return {"mean": mean, "std": 0.0, "seeds": [mean]}


def test_each_has_its_date_and_its_best_row(tmp_path: Path) -> None:
    folder = tmp_path / "compare" / "blocks"
    (folder / "rank").mkdir(parents=True)
    rows = {name: {"t2v": {"R@1": metric(10.0), "mAP": metric(mean)}} for name, mean in {"a": 0.2, "b": 0.3}.items()}
    (folder / "table.json").write_text(json.dumps({"rows": rows}))
    index = Index(folder / "rank")
    index.record("a/seed1", Entry("f", "c", {}), {})
    (one,) = comparison_list.listed(tmp_path)
    assert one.best == ("b", rows["b"]["t2v"])
    assert one.state == local(index.entries["a/seed1"].time)
    line = comparison_list.table([one]).splitlines()[2].split()
    assert line == ["compare/blocks", *one.state.split(), "2", "b", "10.0", "0.300"]
    summary = one.summary()
    assert (summary["name"], summary["kind"], summary["rows"]) == ("compare/blocks", "comparison", ["a", "b"])


def test_one_that_was_cut_off(tmp_path: Path) -> None:
    folder = tmp_path / "compare" / "blocks@lr0.001"
    (folder / "rank").mkdir(parents=True)
    (one,) = comparison_list.listed(tmp_path)
    assert (one.name, one.state, one.best) == ("blocks@lr0.001", "not yet, nothing ranked", ("", {}))
    Index(folder / "rank").record("a/seed1", Entry("f", "c", {}), {})
    (one,) = comparison_list.listed(tmp_path)
    assert one.state == "not yet, 1 run ranked"
    assert "not yet, 1 run ranked" in comparison_list.table([one])


def test_a_workspace_without_any(tmp_path: Path) -> None:
    assert comparison_list.listed(tmp_path) == []
