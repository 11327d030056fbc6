"""accept: what earlier code made stands when a person says so, and nothing but code can be accepted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.parts.code import ROOT
from pipeline.plan.accept import accept, earlier_code
from pipeline.plan.context import Context
from pipeline.plan.planned import Planned

Surroundings = Callable[..., Context]
Look = Callable[[Context], dict[str, Planned]]


@pytest.fixture
def yaml(collect: Callable[..., Path], surroundings: Surroundings, finish: Callable[[Context], None]) -> Path:
    """A collection of which everything is made."""
    path = collect()
    finish(surroundings(path))
    return path


@pytest.fixture
def edit(copied: Path, fresh_sources: Callable[[], None]) -> Callable[[str], None]:
    """`edit("pipeline/video/positions.py")` makes the code of a file another."""

    def change(name: str) -> None:
        with (copied / name).open("a", encoding="utf-8") as file:
            file.write("\nPLANTED = 0\n")
        fresh_sources()

    return change


def stale(planned: Look, context: Context) -> dict[str, list[str]]:
    return {name: state.reasons for name, state in planned(context).items() if state.todo}


def test_what_follows_stands_too_but_what_tells_of_it(
    yaml: Path, surroundings: Surroundings, planned: Look, edit: Callable[[str], None]
) -> None:
    edit("extractors/x3d.py")
    before = planned(surroundings(yaml))
    assert before["x3d"].only_code
    assert before["train"].only_code
    found = accept(surroundings(yaml), ["x3d"])
    assert found.units == {"x3d": 2, "train": 2, "rank": 2}  # shards; two seeds of laff
    assert found.modules == {"x3d": ["extractors.x3d"], "train": [], "rank": []}
    after = surroundings(yaml)  # as another process sees it
    assert stale(planned, after) == {"evaluate": ["follows rank"], "report": ["follows evaluate"]}
    assert earlier_code(after, ["rank"]) == {"x3d": ["extractors.x3d"]}
    entry = after.work.index("x3d").entries["00000.h5"]
    (old, new) = entry.earlier["extractors.x3d"]
    assert old != new
    assert entry.accepted == after.fingerprint("x3d") != entry.fingerprint


def test_own_code_of_what_follows_has_to_be_named(
    yaml: Path, surroundings: Surroundings, planned: Look, edit: Callable[[str], None]
) -> None:
    edit("extractors/x3d.py")
    edit("fusion/laff.py")
    found = accept(surroundings(yaml), ["x3d"])
    assert list(found.units) == ["x3d"]
    assert found.left["train"] == "code of fusion.laff changed; follows x3d"
    found = accept(surroundings(yaml), ["train"])
    assert list(found.units) == ["train", "rank"]
    assert earlier_code(surroundings(yaml), ["rank"]) == {"x3d": ["extractors.x3d"], "train": ["fusion.laff"]}


def test_code_that_changes_again_is_noted_from_the_first_on(
    yaml: Path, surroundings: Surroundings, planned: Look, edit: Callable[[str], None]
) -> None:
    edit("extractors/x3d.py")
    accept(surroundings(yaml), ["x3d"])
    first = surroundings(yaml).work.index("x3d").entries["00000.h5"]
    edit("extractors/pixels.py")
    assert stale(planned, surroundings(yaml))["x3d"] == ["code of extractors.pixels, extractors.x3d changed"]
    accept(surroundings(yaml), ["x3d"])
    second = surroundings(yaml).work.index("x3d").entries["00000.h5"]
    assert second.fingerprint == first.fingerprint
    assert set(second.earlier) == {"extractors.pixels", "extractors.x3d"}
    assert second.earlier["extractors.x3d"] == first.earlier["extractors.x3d"]


def test_code_that_is_as_it_was_needs_no_note(
    yaml: Path,
    surroundings: Surroundings,
    planned: Look,
    edit: Callable[[str], None],
    copied: Path,
    fresh_sources: Callable[[], None],
) -> None:
    edit("extractors/x3d.py")
    accept(surroundings(yaml), ["x3d"])
    (copied / "extractors/x3d.py").write_text((ROOT / "extractors/x3d.py").read_text(encoding="utf-8"))
    fresh_sources()
    assert stale(planned, surroundings(yaml)) == {}
    assert earlier_code(surroundings(yaml), ["rank"]) == {}


@pytest.mark.parametrize(
    ("names", "sets", "message"),
    [
        (["x3d"], ["x3d.frames=16"], "'x3d': only changed code can be accepted, but here it says: frames 13 → 16"),
        (["bow"], [], "'bow' is up to date; there is nothing to accept"),
        (["evaluate"], [], "'evaluate' says what was accepted, so it is made again, in seconds"),
        (["x3d", "bow"], [], "laff accept: 1 problem(s)"),
        (["x3e"], [], "has no stage 'x3e'; did you mean 'x3d'?"),
    ],
)
def test_what_is_refused(
    yaml: Path,
    surroundings: Surroundings,
    planned: Look,
    edit: Callable[[str], None],
    names: list[str],
    sets: list[str],
    message: str,
) -> None:
    edit("extractors/x3d.py")
    context = surroundings(yaml, sets)
    before = stale(planned, context)
    with pytest.raises(LaffError) as error:
        accept(context, names)
    assert message.replace("1 problem(s)", "'bow' is up to date") in str(error.value)
    assert stale(planned, surroundings(yaml, sets)) == before


def test_changed_items_are_refused(
    yaml: Path, collect: Callable[..., Path], surroundings: Surroundings, edit: Callable[[str], None]
) -> None:
    edit("extractors/x3d.py")
    (yaml.parent / "videos" / "train0.mp4").write_bytes(b"another video")
    with pytest.raises(LaffError, match="only changed code can be accepted"):
        accept(surroundings(yaml), ["x3d"])
