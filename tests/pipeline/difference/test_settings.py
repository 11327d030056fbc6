"""The settings in which two runs differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.difference import settings
from pipeline.difference.side import Side
from pipeline.graph import stages
from pipeline.graph.origins import DEFAULT, FILE, SET


def changed(side: Side, tmp_path: Path, before: str, after: str, *sets: str) -> Side:
    """The side with another stages file."""
    text = side.graph.path.read_text(encoding="utf-8")
    assert before in text
    path = tmp_path / "other.yaml"
    path.write_text(text.replace(before, after), encoding="utf-8")
    return replace(side, graph=stages.load(path, side.graph.profile, (*side.settings.sets, *sets)))


def test_equal_runs_differ_in_nothing(sides: Callable[[], tuple[Side, Side]]) -> None:
    assert settings.differing(*sides()) == []


def test_values_with_their_origins(sides: Callable[[], tuple[Side, Side]], tmp_path: Path) -> None:
    first, second = sides()
    second = changed(second, tmp_path, "threads: 1", "threads: 3", "train.dropout=0.5", "bert.length=7")
    found = {one.name: one for one in settings.differing(first, second)}
    assert list(found) == ["threads", "train.dropout"]  # nobody needs bert
    assert [found["threads"].first.value, found["threads"].second.value] == [1, 3]
    dropout = found["train.dropout"].as_json()
    assert (dropout["a"]["value"], dropout["a"]["kind"]) == (0.2, DEFAULT)
    assert dropout["b"] == {"value": 0.5, "kind": SET, "from": "--set train.dropout=0.5"}


def test_a_stage_that_one_of_them_lacks(sides: Callable[[], tuple[Side, Side]], tmp_path: Path) -> None:
    first, second = sides()
    more = "\n  colour:\n    step: extract\n    uses: extractors.brightness.Brightness\n    from: decode\n\n  train:\n"
    second = changed(second, tmp_path, "\n  train:\n", more, "train.from=[clip-ft, x3d, colour, bow, w2v, gru]")
    found = {one.name: one for one in settings.differing(first, second)}
    assert sorted(found) == ["colour.step", "train.from"]
    colour = found["colour.step"]
    assert colour.first is None
    assert colour.second is not None
    assert (colour.second.value, colour.second.origin.kind) == ("extract", FILE)


def test_numbers_and_texts_are_different_values(sides: Callable[[], tuple[Side, Side]]) -> None:
    first, second = sides()
    stage = first.graph.stages["train"]
    stages_of = {**second.graph.stages, "train": replace(stage, params=stage.params | {"heads": "2"})}
    second = replace(second, graph=replace(second.graph, stages=stages_of))
    assert [one.name for one in settings.differing(first, second)] == ["train.heads"]


def test_surroundings_that_differ(two: tuple[Any, Any], sides: Callable[[], tuple[Side, Side]]) -> None:
    from pipeline.difference import surroundings
    from pipeline.store import circumstances

    assert surroundings.differing(*sides()) == surroundings.Surroundings([], [], [])
    noted = circumstances.last(two[1].work, "main")
    assert noted is not None
    versions = {name: number for name, number in noted.versions.items() if name != "av"} | {"torch": "1.0"}
    other = replace(noted, versions=versions, hardware=noted.hardware | {"gpus": ["A"]}, commit="")
    circumstances.write(two[1].work, "main", other)
    found = surroundings.differing(*sides())
    assert {one.name: one.second for one in found.versions if one.name != surroundings.COMMIT} == {
        "torch": "1.0",
        "av": None,
    }
    assert [(one.name, one.first, one.second) for one in found.hardware] == [("gpus", noted.hardware["gpus"], ["A"])]
    circumstances.path(two[1].work, "main").unlink()
    label = f"{two[1].work}:main"
    assert surroundings.differing(*sides()) == surroundings.Surroundings([], [], [label])


def test_of_an_index_only_the_stages_that_it_makes_are_compared(
    sides: Callable[[], tuple[Side, Side]], tmp_path: Path
) -> None:
    first, second = sides()
    kept_inside = replace(second.settings, collection=tmp_path / "collection.yaml")
    second = replace(second, root=tmp_path, settings=kept_inside)  # nothing is made there yet
    assert "vectors" in second.stages
    found = settings.differing(first, second)
    assert {one.name for one in found} == {f"{stage}.step" for stage in ("rank", "evaluate", "report")}
    assert all(one.second is None and one.first is not None for one in found)
