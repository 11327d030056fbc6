"""Bars: where they stand, how fast they move, and the time that is left."""

import pytest

from pipeline import progress
from pipeline.progress.bars import clock


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The present, which a test sets."""
    present = [0.0]
    monkeypatch.setattr("pipeline.progress.bars.time.monotonic", lambda: present[0])
    return present


def test_the_rest_is_told_by_what_was_done(at: list[float]) -> None:
    bar = progress.Bar("decode", 40, "video")
    bar.advance(10)
    at[0] = 90.0
    assert bar.line() == "decode: 10/40 videos, 25%, 04:30 left"  # 30 more at 9 s each
    assert bar.line(ended=True) == "decode: 10/40 videos in 01:30"


def test_a_training_says_how_much_there_may_be(at: list[float]) -> None:
    """Where it stops early, what was done is all."""
    bar = progress.Bar("train", 20, "step")
    bar.to(4, 20, "first epoch")
    assert (bar.done, bar.total, bar.note) == (4, 20, "first epoch")
    bar.to(8, 8, "epoch 2 loss 0.5")
    assert bar.line(ended=True) == "train: 8/8 steps in 00:00, epoch 2 loss 0.5"


def test_the_rate_is_that_of_the_last_half_minute(at: list[float]) -> None:
    bar = progress.Bar("decode", 1000, "video")
    assert bar.rate(0.0) == 0.0
    for second in range(1, 61):  # one a second for a minute, then three a second
        bar.advance()
        bar.rate(float(second))
    assert bar.rate(60.0) == 1.0
    for second in range(61, 91):
        bar.advance(3)
        bar.rate(float(second))
    assert bar.rate(90.0) == 3.0
    assert bar.left(3.0) == "04:43"  # 850 of 1000 are left
    assert bar.rate(200.0) == 0.75  # nothing for long: the mean of all the time, 150 in 200 s


def test_a_rate_that_nobody_knows(at: list[float]) -> None:
    """At the start, and of a download whose size the server does not say."""
    bar = progress.Bar("net.pth", 0, "MB")
    assert bar.left(bar.rate(5.0)) == "?"
    bar.to(4, 0, "")
    assert bar.rate(8.0) == 0.5
    assert bar.left(0.5) == "?"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.9, "00:00"), (80, "01:20"), (5000, "1:23:20"), (360_000, "100:00:00")]
)
def test_times(seconds: float, text: str) -> None:
    assert clock(seconds) == text
