"""Bars: where they stand, what they say, and that each is moved by who holds it."""

import re

import pytest

from pipeline import progress


def test_a_bar_counts_and_tells_the_rest(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.bar("x3d", 8, "video") as bar:
        assert bar.done == 0
        bar.advance()
        bar.advance(3, "v7")
        assert bar.done == 4
    said = capsys.readouterr().err
    assert re.search(r"x3d:  50%\|.*\| 4/8 video \[", said)
    assert "v7" in said


def test_a_training_says_how_much_there_may_be(capsys: pytest.CaptureFixture[str]) -> None:
    """Where it stops early, what was done is all."""
    with progress.bar("train", 20, "step") as bar:
        bar.to(4, 20, "first epoch")
        assert bar.done == 4
        bar.to(8, 8, "epoch 2 loss 0.5")
        assert bar.done == 8
    said = capsys.readouterr().err
    assert re.search(r"train: 100%\|.*\| 8/8 step \[", said)
    assert "epoch 2 loss 0.5" in said


def test_bars_within_each_other_move_by_themselves() -> None:
    with progress.bar("rank", 2, "run") as outer:
        for _ in range(2):
            with progress.bar("pairs", 9, "pair") as inner:
                inner.advance(9)
                assert inner.done == 9
            outer.advance()
        assert outer.done == 2


def test_a_bar_ends_with_its_block(capsys: pytest.CaptureFixture[str]) -> None:
    def failing() -> None:
        with progress.bar("decode", 4, "video") as bar:
            bar.advance()
            raise ValueError("v3")

    with pytest.raises(ValueError, match="v3"):
        failing()
    assert re.search(r"1/4 video .*\n$", capsys.readouterr().err)  # its line is finished


def test_something_is_said_above_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.bar("decode", 4, "video"):
        progress.say("v3 is no video")
    assert "v3 is no video\n" in capsys.readouterr().err
