"""Published tables are found by what one types, and a file with mistakes names them all."""

from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.published import read

GOOD = """
title: A table
source: a paper
metrics: [R@1, MedR]
sets: {A: [a/one, a/two], B: ""}
grid: blocks
parts:
  p:
    features: {video: [x], text: [y]}
    features_of: {pair: {video: [x]}}
    tags: {pair: nothing trained}
    rows: {laff: {A: [1, null], B: [2.5, 3]}, pair: {B: [1, 2]}}
"""


@pytest.mark.parametrize("typed", ["tab-11", "11", "tab11", "Tab. 11", "table 11", "TAB-11", " 11 "])
def test_a_number_is_a_table_of_the_paper(typed: str) -> None:
    assert read.load(typed).id == "tab-11"


def test_table_13_is_part_of_table_12() -> None:
    assert read.load("13").id == "tab-12"
    assert read.load("tab-13").id == "tab-12"


def test_an_unknown_table_has_near_names() -> None:
    with pytest.raises(
        LaffError, match=r"no published table 'poster-block'; did you mean 'poster-blocks'\?; known are tab"
    ):
        read.load("poster-block")
    with pytest.raises(LaffError, match=r"no published table '\.\./tab-9'"):
        read.load("../tab-9")


def test_what_a_file_says(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD)
    table = read.read(tmp_path / "mine.yaml")
    (part,) = table.parts.values()
    assert part.rows["laff"] == {"A": {"R@1": 1.0}, "B": {"R@1": 2.5, "MedR": 3.0}}
    assert (part.of("laff"), part.of("pair")) == ({"video": ("x",), "text": ("y",)}, {"video": ("x",), "text": ()})
    assert (table.set_of("a/two"), table.set_of(""), table.set_of("b")) == ("A", "", "")
    assert (table.sets_of(part), table.runs) == (["A", "B"], True)


def test_every_mistake_at_once(tmp_path: Path) -> None:
    bad = GOOD.replace("[1, null]", "[1]").replace("[2.5, 3]", "[2.5, x]").replace("pair: nothing", "pairs: nothing")
    bad = bad.replace("grid: blocks", "grid: blocks\nwhy: none").replace(
        "    rows: {laff: {A", "    colour: red\n    rows: {laff: {C: [1, 2], A"
    )
    (tmp_path / "bad.yaml").write_text(bad)
    with pytest.raises(LaffError) as caught:
        read.read(tmp_path / "bad.yaml")
    for mistake in (
        "row 'laff', A should list 2 figures, not [1]",
        "row 'laff', B has 'x', which is no number",
        "row 'laff' has an unknown test set 'C'",
        "part 'p' has no row 'pairs'",
        "part 'p' has an unknown key 'colour'",
        "should say one of grid, command and why",
    ):
        assert mistake in str(caught.value)
    (tmp_path / "empty.yaml").write_text("part: A\n")
    with pytest.raises(LaffError) as caught:
        read.read(tmp_path / "empty.yaml")
    assert "unknown key 'part'; did you mean 'parts'?" in str(caught.value)
    assert "says no parts" in str(caught.value)
