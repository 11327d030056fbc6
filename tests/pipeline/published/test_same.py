"""Figures are compared only on the same protocol and the same features."""

from dataclasses import replace

import pytest

from pipeline.published.same import Measured, differences, in_words

PAPER = {"video": ("rx101", "re152"), "text": ("bow", "clip")}
OURS = Measured("msrvtt/full", ("re152", "rx101"), ("clip", "bow"))
FULL = ("msrvtt/full",)


def test_the_same_in_any_order() -> None:
    assert differences(OURS, FULL, PAPER) == []
    assert in_words([]) == ""


@pytest.mark.parametrize(
    ("ours", "found"),
    [
        (replace(OURS, protocol="msrvtt/1k-a"), "other protocol"),
        (replace(OURS, protocol=""), "other protocol"),
        (replace(OURS, video=("rx101",)), "other features"),
        (replace(OURS, video=("rx101", "re152", "wsl")), "other features"),
        (replace(OURS, video=("rx101", "resnet")), "other features"),
        (replace(OURS, text=("bow", "bert")), "other features"),
        (replace(OURS, random=frozenset({"clip"})), "other features"),
        (Measured("", ("a",), ("b",)), "other features, other protocol"),
    ],
)
def test_what_differs(ours: Measured, found: str) -> None:
    assert in_words(differences(ours, FULL, PAPER)) == found


def test_the_same_under_another_name() -> None:
    ours = replace(OURS, video=("resnext", "re152"))
    assert differences(ours, FULL, PAPER) == ["other features"]
    assert differences(replace(ours, called={"resnext": "rx101"}), FULL, PAPER) == []


def test_what_a_source_does_not_say_differs_from_all() -> None:
    assert differences(OURS, FULL, {}) == ["other features"]
    assert differences(OURS, (), PAPER) == ["other protocol"]
    assert differences(replace(OURS, protocol=""), (), PAPER) == ["other protocol"]


def test_one_of_several_protocols() -> None:
    """Where a source leaves open which one it follows."""
    assert differences(replace(OURS, protocol="a/7k"), ("a/9k", "a/7k"), PAPER) == []
