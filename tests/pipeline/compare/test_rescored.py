"""Rows of second scoring in a comparison: as `rank.rescore` says, and neither tested nor drawn beside the others."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.compare import grid
from pipeline.compare.request import requested
from pipeline.compare.rows import RunRows, rows
from pipeline.compare.run import Asked, Compared, compare
from pipeline.errors import LaffError
from pipeline.graph import stages

ROLES = {"lead": "pair", "lead-text": "words", "lead-frames": "pair-frames"}
ALL = (
    "rank.rescore={dual-softmax: {rows: [laff]}, qb-norm: {}, frame-max: {pair: [pair-frames, words], rows: [pair, x]}}"
)
AGAIN = ["laff+dual-softmax", "laff+qb-norm", "late+qb-norm", "frames+qb-norm", "pair+qb-norm", "pair+frame-max"]


@pytest.fixture(scope="module")
def both(anew: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Compared, Compared]:
    """The grid compared without, and then with second scoring."""
    small = anew(tmp_path_factory.mktemp("rescored"))
    asked = Asked(str(small.grid), roles=ROLES)
    return small, compare(small.request(), asked), compare(small.request(ALL), asked)


def test_they_are_added_to_the_rows_of_the_grid(both: tuple[Any, Compared, Compared]) -> None:
    _, before, after = both
    assert list(after.figures["rows"]) == ["laff", "late", "frames", "pair", *AGAIN]
    assert after.outcome.made == {
        "compare/mine/rank": 10
    }  # two seeds of three models, of one of them twice; and twice a pair
    assert after.outcome.advice == ""  # a search is of the models of a run
    assert after.figures["left_out"] == {"x+frame-max": "there is no row 'x'"}
    assert {name: line for name, line in after.figures["rows"].items() if "+" not in name} == before.figures["rows"]
    for name in AGAIN:
        line = after.figures["rows"][name]
        assert line["second"]["of"] == name.partition("+")[0]
        assert ("v2t" in line) == ("qb-norm" not in name)
        assert "p" not in line["t2v"]
    assert after.figures["rows"]["laff+qb-norm"]["seeds"] == [1, 2]


def test_tables_say_what_they_are(both: tuple[Any, Compared, Compared]) -> None:
    folder = both[2].folder
    text = (folder / "table.txt").read_text()
    assert text.count("scored again with all test queries at once (dual softmax, transductive)") == 2  # once a way
    assert "laff+dual-softmax: " not in text
    assert (
        "+qb-norm: scored again against a bank, the captions of train (QB-Norm); beta 20.0, k 1; not comparable" in text
    )
    t2v, v2t = text.split("mine, v2t: ")
    assert any(line.startswith("late+qb-norm ") for line in t2v.splitlines())
    assert not any(line.startswith("late+qb-norm ") for line in v2t.splitlines())
    assert "pair+frame-max" in (folder / "index.html").read_text()
    assert "pair+frame-max" not in (folder / "map.svg").read_text()
    with (folder / "table.csv").open() as file:
        lines = [(line["model"], line["way"]) for line in csv.DictReader(file)]
    assert ("laff+qb-norm", "t2v") in lines
    assert ("laff+qb-norm", "v2t") not in lines
    assert json.loads((folder / "table.json").read_text())["rows"]["laff+dual-softmax"]["second"]["transductive"]


def test_nothing_is_tested_against_them(both: tuple[Any, Compared, Compared]) -> None:
    small = both[0]
    with pytest.raises(LaffError, match=r"--against laff\+qb-norm: rows of second scoring are not comparable"):
        compare(small.request(ALL), Asked(str(small.grid), roles=ROLES, against="laff+qb-norm"))


def test_a_row_that_diverges_takes_its_own_with_it(small: Any) -> None:
    graph = stages.load(small.folder / "stages.yaml", None, ())
    run = RunRows(rescore={"qb-norm": {"rows": ["late", "pair"]}, "dual-softmax": {"rows": ["late"]}})
    selected = rows(grid.load(str(small.grid)), graph, ROLES, run=run)
    assert selected.names[4:] == ["late+qb-norm", "pair+qb-norm", "late+dual-softmax"]
    assert selected.without({"late": "it diverged"}).names == ["laff", "frames", "pair", "pair+qb-norm"]


def test_what_the_stages_file_says_of_a_run_is_nothing_to_a_grid(small: Any) -> None:
    path = small.folder / "stages.yaml"
    path.write_text(path.read_text().replace("pairs: {pair: [pair, words]}", "rescore: [qb-norm], pairs: {}"))
    assert requested(small.request(), str(small.grid), ROLES)[2].names == ["laff", "late", "frames", "pair"]


def test_mistakes(small: Any) -> None:
    with pytest.raises(LaffError, match="rescore: no method 'qbnorm'"):
        compare(small.request("rank.rescore=[qbnorm]"), Asked(str(small.grid), roles=ROLES))
    frames = "rank.rescore={frame-max: {pair: [pair, words]}}"
    with pytest.raises(LaffError, match="frame-max: 'pair' was imported with one row a video; import a feature of"):
        compare(small.request(frames), Asked(str(small.grid), roles=ROLES))
    assert not small.work.exists()
