"""The runs of a workspace, as `laff runs` lists them."""

import json
import os
from datetime import datetime
from pathlib import Path

from pipeline.plan import run_list
from pipeline.store.index import NAME, Entry, Index


def test_when_a_run_was_evaluated_outlives_a_copy(tmp_path: Path):
    """The index says it, not the date of the file."""
    folder = tmp_path / "evaluate"
    folder.mkdir()
    (folder / "metrics.json").write_text(json.dumps({"models": {}, "coverage": 1.0}))
    index = Index(folder)
    index.record("evaluate", Entry("f", "c", index.made(["metrics.json"])), {})
    os.utime(folder / "metrics.json", (5, 5))
    (run,) = run_list.listed(tmp_path)
    noted = datetime.fromisoformat(index.entries["evaluate"].time)
    assert datetime.strptime(run.evaluated, "%Y-%m-%d %H:%M").astimezone() == noted.replace(second=0)
    (folder / NAME).unlink()
    (run,) = run_list.listed(tmp_path)
    assert run.evaluated == "?"
