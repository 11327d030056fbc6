"""The picture of a run: what fits into which terminal."""

from __future__ import annotations

import pytest

from pipeline.progress import Bar, Stages
from pipeline.progress.picture import Line, picture

NAMES = ["ingest", "decode", "bow", "clip-ft", "x3d", "train", "rank", "report"]


@pytest.fixture(autouse=True)
def begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """All begins at 0."""
    monkeypatch.setattr("pipeline.progress.bars.time.monotonic", lambda: 0.0)


def bar(name: str = "x3d", note: str = "video0007") -> Bar:
    """10 of 40 videos after 20 seconds: the other 30 take a minute."""
    one = Bar(name, 40, "video")
    one.to(10, 40, note)
    return one


def run() -> Stages:
    """A run that makes clip-ft and x3d in one pass."""
    stages = Stages(NAMES, {"decode": 4, "clip-ft": 4, "x3d": 4, "train": 6, "rank": 2, "report": 1})
    stages.begin("decode", 4, "not made yet")
    stages.end("decode", ["a", "b", "c", "d"], 1200.0)
    for name in ("clip-ft", "x3d"):
        stages.begin(name, 4, "not made yet")
        stages.unit(name, "a", [])
    return stages


def texts(lines: list[Line]) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def drawn(stages: Stages | None, bars: list[Bar], width: int, height: int = 24, ascii_only: bool = True) -> list[str]:
    return texts(picture(stages, bars, width, height, ascii_only, 20.0))


def test_a_wide_line_has_all() -> None:
    assert drawn(None, [bar()], 100) == [
        "x3d  #######-----------------------  25% 10/40 videos, 01:00 left, 2.0 s each, video0007"
    ]


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (78, ["x3d  #####---------------  25% 10/40 videos, 01:00 left, 2.0 s each, video0007"]),
        (64, ["x3d, video0007", "#####-----------------  25% 10/40 videos, 01:00 left, 2.0 s each"]),
        (46, ["x3d, video0007", "####------------  25% 10/40 videos, 01:00 left"]),
        (36, ["x3d, video0007", " 25% 10/40 videos, 01:00 left"]),
    ],
)
def test_what_does_not_fit_goes_into_two_lines_and_then_away(width: int, lines: list[str]) -> None:
    """The time that is left stays; the cells fill the line."""
    assert drawn(None, [bar()], width) == lines
    assert len(lines[-1]) in (width, len(" 25% 10/40 videos, 01:00 left"))


@pytest.mark.parametrize("width", range(36, 140))
def test_no_line_is_too_long_whatever_it_is_about(width: int) -> None:
    long = bar("train laff-without-everything/seed12 (12/27)", "epoch 12 loss 0.1234 MRR 0.567")
    for stages in (run(), None):
        lines = drawn(stages, [bar("clip-ft+x3d"), long], width)
        assert max(map(len, lines)) <= width
        assert len([line for line in lines if "01:00 left" in line]) == 2


def test_all_stages_with_the_bar_below_those_that_work() -> None:
    assert drawn(run(), [bar("clip-ft+x3d")], 100) == [
        "3 of 8 stages, 00:20",
        "= ingest   cached",
        "+ decode   4 made in 1,200.0 s",
        "= bow      cached",
        "> clip-ft  1 of 4  (not made yet)",
        "> x3d      1 of 4  (not made yet)",
        "  #######-----------------------  25% 10/40 videos, 01:00 left, 2.0 s each, video0007",
        ". train    6 to make",
        ". rank     2 to make",
        ". report   1 to make",
    ]


def test_few_rows_keep_what_matters_most() -> None:
    bars = [bar("clip-ft+x3d")]
    assert drawn(run(), bars, 70, 12) == [
        "3 of 8 stages, 00:20",
        "> clip-ft+x3d  2 of 8",
        "  ###------------  25% 10/40 videos, 01:00 left, 2.0 s each, video0007",
        ". then train, rank, report",
    ]
    assert drawn(run(), bars, 70, 4) == drawn(run(), bars, 70, 12)[:3]
    assert drawn(run(), bars, 70, 2) == ["3 of 8 stages, 00:20"]


def test_signs_of_the_states() -> None:
    lines = drawn(run(), [], 100, ascii_only=False)
    assert [line[0] for line in lines[1:]] == ["=", "✓", "=", "▸", "▸", "·", "·", "·"]


def test_what_fails_is_counted_once_for_all_stages() -> None:
    stages = run()
    stages.unit("clip-ft", "b", ["v1", "v2"])
    stages.unit("x3d", "b", ["v2"])
    lines = drawn(stages, [], 100)
    assert lines[0] == "3 of 8 stages, 00:20, 2 failed"
    assert lines[4] == "> clip-ft  2 of 4, 2 failed  (not made yet)"
    assert lines[5] == "> x3d      2 of 4, 1 failed  (not made yet)"


def test_a_total_that_is_not_known() -> None:
    download = Bar("net.pth", 0, "MB")
    download.to(7, 0, "")
    assert drawn(None, [download], 80)[0].startswith("net.pth  ---")
    assert "0% 7 MB, ? left" in drawn(None, [download], 80)[0]
