"""What A and B of `laff diff` may be, and what is said where they are none of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.difference.side import opened
from pipeline.errors import LaffError
from pipeline.store import memory


@pytest.fixture
def named(two: tuple[Any, Any]) -> Any:
    """A workspace whose last run is `few`, beside main."""
    known = memory.read(two[1].work)
    assert known is not None
    memory.write(two[1].work, replace(known, run="few", sets=(*known.sets, "train.heads=4"), differs=("heads 2 → 4",)))
    return two[1]


def test_a_workspace_means_its_last_run(named: Any) -> None:
    side = opened(str(named.work), None)
    assert (side.root, side.run, side.label) == (named.work, "few", f"{named.work}:few")
    assert side.graph.stages["train"].params["heads"] == 4
    assert side.work.folder("train") == named.work / "runs" / "few" / "train"
    assert side.work.folder("x3d") == named.work / "x3d"
    assert len(side.catalog.videos) == 22


@pytest.mark.parametrize("text", ["{work}:main", "main"])
def test_a_run_by_its_name(named: Any, text: str) -> None:
    side = opened(text.format(work=named.work), named.work)
    assert (side.run, side.graph.stages["train"].params["heads"]) == ("main", 2)
    assert side.has("train")
    assert {"x3d", "report"} <= set(side.stages)
    assert "bert" not in side.stages  # nobody needs it, and nothing of it is made


def test_settings_of_features_alone_are_those_of_the_last_run(two: tuple[Any, Any]) -> None:
    """`laff run x3d --set …` leaves the run's own settings alone."""
    known = memory.read(two[1].work)
    assert known is not None
    memory.write(two[1].work, replace(known, sets=(*known.sets, "x3d.frames=7")), trains=False)
    last, main = opened(str(two[1].work), None), opened(f"{two[1].work}:main", None)
    assert [side.graph.stages["x3d"].params["frames"] for side in (last, main)] == [7, 4]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{work}:mains", "has no run 'mains'; did you mean 'main'?; it has main"),
        ("mains", "no workspace of that name; of a run's name give its workspace too: -w WORK"),
        ("{work}/x3d", "no workspace of laff"),
        ("/nowhere:main", "no workspace of laff"),
        ("no\nsuch", r"no\nsuch: no workspace"),
    ],
)
def test_what_is_no_side(two: tuple[Any, Any], text: str, wanted: str) -> None:
    with pytest.raises(LaffError) as error:
        opened(text.format(work=two[1].work), None)
    assert wanted in str(error.value)


def test_settings_that_cannot_be_read(two: tuple[Any, Any]) -> None:
    two[1].stages.write_text("stages: {a: {step: nothing}}")
    with pytest.raises(LaffError, match=r"run 'main': its settings cannot be read(?s:.*)unknown step"):
        opened(str(two[1].work), None)


def test_an_empty_folder_remembers_nothing(tmp_path: Path) -> None:
    with pytest.raises(LaffError, match="no run is remembered there"):
        opened("main", tmp_path)
