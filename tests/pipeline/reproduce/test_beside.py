"""Ours and quoted side by side: differences only where protocol and features are the same."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.published import read
from pipeline.published.same import Measured
from pipeline.reproduce.beside import LINE, Beside, Ours
from pipeline.views.figure_table import BEST, TIED

TABLE = read.load("tab-11")
TEXT = ("bow", "w2v", "gru", "clip")
PART = "rx101-re152"


def spread(mean: float, std: float = 0.5) -> dict[str, Any]:
    return {"mean": mean, "std": std, "seeds": [mean - std, mean, mean + std]}


def ours(first: float, video: tuple[str, ...] = ("rx101", "re152"), protocol: str = "msrvtt/full") -> Ours:
    metrics = {
        "R@1": spread(first),
        "R@5": spread(40),
        "R@10": spread(50),
        "MedR": spread(10),
        "mAP": spread(0.25, 0.01),
    }
    return Ours(metrics, Measured(protocol, video, TEXT))


def beside(**rows: Ours) -> Beside:
    lacking = {("rx101-re152-wsl", row): "no stage makes a video feature 'wsl'" for row in ("concat", "laff")}
    return Beside(TABLE, "MV-test3k", {(PART, row.replace("_", "-")): one for row, one in rows.items()}, lacking)


def test_the_same_protocol_and_features_have_a_difference() -> None:
    table, *_ = beside(laff=ours(17.25), concat=ours(14.0)).tables()
    assert table.header[:3] == ["model", "figures", "R@1"]
    texts = [[cell.strip() for cell in row[:4]] for row in table.texts()]
    assert ["laff", "ours", "17.2 ± 0.5", "40.0 ± 0.5"] in texts
    assert ["", "quoted", "16.0", "36.9"] in texts
    assert ["", "ours - quoted", "+1.2 ± 0.5", "+3.1 ± 0.5"] in texts
    assert ["", "ours - quoted", "-0.4 ± 0.5", "+5.1 ± 0.5"] in texts


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (ours(17.25, video=("rx101", "resnet")), "other features"),
        (ours(17.25, protocol=""), "other protocol"),
        (ours(17.25, protocol="msrvtt/1k-a"), "other protocol"),
        (ours(17.25, video=("a", "b"), protocol="mine/all"), "other features, other protocol"),
    ],
)
def test_others_have_none_and_say_why(one: Ours, why: str) -> None:
    found = beside(laff=one)
    table, *_ = found.tables()
    lines = [row for row in table.texts() if row[1] == "ours - quoted"]
    assert lines == []
    (line,) = (row for row in table.texts() if row[0] == "laff")
    assert (line[2], line[-1]) == ("17.2 ± 0.5", why)
    assert table.header[-1] == "no difference, because of"
    csv = [dict(zip(LINE, line, strict=True)) for line in found.lines()]
    (first,) = (line for line in csv if (line["part"], line["model"], line["metric"]) == (PART, "laff", "R@1"))
    assert (first["ours mean"], first["seeds"], first["quoted"], first["ours - quoted"]) == (17.25, 3, 16.0, "")
    assert first["not compared"] == why


def test_what_was_not_run_says_why() -> None:
    _, three, four = beside(laff=ours(17.25)).tables(["The end."])
    assert three.texts()[1][:3] == ["concat", "ours", "-"]
    assert "concat: not run here: no stage makes a video feature 'wsl'." in three.notes
    assert four.notes[-2:] == ["concat is the paper's baseline: concatenation as in W2VV++.", "The end."]
    assert "The end." not in three.notes


def test_ours_and_quoted_have_a_best_each() -> None:
    table, *_ = beside(laff=ours(17.25), concat=ours(16.9), mhsa=ours(12.0)).tables()
    rows = [row[:2] for row in table.texts()[1:]]
    marked = {tuple(rows[row]): mark for (row, column), mark in table.marks().items() if column == 2}
    assert marked == {("laff", "ours"): BEST, ("concat", "ours"): TIED, ("", "quoted"): BEST}
    (quoted,) = (row for (row, column), mark in table.marks().items() if column == 2 and rows[row] == ["", "quoted"])
    assert rows[quoted - 1] == ["laff", "ours"]


def test_lines_for_a_program() -> None:
    lines = [dict(zip(LINE, line, strict=True)) for line in beside(laff=ours(17.25)).lines()]
    assert len(lines) == 3 * 4 * 5
    (line,) = (line for line in lines if (line["part"], line["model"], line["metric"]) == (PART, "laff", "mAP"))
    assert line["ours - quoted"] == pytest.approx(0.25 - 0.265)
    assert {
        line["not compared"] for line in lines if line["part"] == "rx101-re152-wsl" and line["model"] == "laff"
    } == {"no stage makes a video feature 'wsl'"}


def test_systems_that_are_only_quoted_stand_last() -> None:
    """On MV-test3k nobody has figures with CLIP2Video, so that part is left out."""
    found = Beside(read.load("tab-12"), "MV-test3k", {}, {})
    same, others = found.tables(["The end."])
    assert [row[1] for row in same.texts()[1:3]] == ["ours", "quoted"]
    assert same.notes[-1] == "The end."
    assert others.title.startswith("Systems on five test sets: figures of other authors")
    assert ["CE (BMVC 2019)", "10.0", "29.0", "41.2", "16"] in others.texts()
    assert len(Beside(read.load("tab-12"), "MSVD", {}, {}).tables()) == 3
