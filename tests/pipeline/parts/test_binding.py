"""Parameters against their annotations: what fits, what is brought to its type, and the words for what does not."""

import json
from typing import Any

import pytest

from pipeline.parts.binding import bind
from pipeline.parts.classes import Parameter

FITTING = [
    ("int", 3, 3),
    ("float", 3, 3.0),
    ("float", 3.5, 3.5),
    ("str", "a", "a"),
    ("bool", True, True),
    ("int | None", None, None),
    ("int | None", 3, 3),
    ("float | None", 3, 3.0),
    ("str | None", "3", "3"),
    ("Literal['a', 'b']", "b", "b"),
    ("list[int]", [1, 2], [1, 2]),
    ("tuple[float, ...]", [1, 2], [1.0, 2.0]),
    ("dict[str, float]", {"a": 1}, {"a": 1.0}),
    ("dict[str, list[str]]", {"a": ["b"]}, {"a": ["b"]}),
    ("Any", [1, "a"], [1, "a"]),
]
WRONG = [
    ("int", 3.0, "3.0 should be a whole number"),
    ("int", True, "True should be a whole number"),
    ("int", "3", "'3' should be a whole number"),
    ("int", None, "None should be a whole number"),
    ("float", "fast", "'fast' should be a number"),
    ("float", False, "False should be a number"),
    ("str", 3, "3 should be text"),
    ("bool", 1, "1 should be true or false"),
    ("bool", "yes", "'yes' should be true or false"),
    ("int | None", "3", "'3' should be a whole number or null"),
    ("Literal['a', 'b']", "c", "'c' should be one of 'a', 'b'"),
    ("Literal[1, 2]", True, "True should be one of 1, 2"),
    ("list[int]", 3, "3 should be a list of whole numbers, such as [1, 2]"),
    ("list[int]", [1, "2"], "'2' should be a whole number"),
    ("list[str] | dict[str, int]", ["a", {"b": 1}], "{'b': 1} should be text"),
    ("str | list[str]", [3], "3 should be text"),
    ("str | list[str]", 3, "3 should be text or a list, such as [one, another]"),
    ("dict[str, float]", [1], "[1] should be a mapping"),
    ("dict[str, float]", {"a": "b"}, "'b' should be a number"),
]


@pytest.mark.parametrize(("annotation", "value", "wanted"), FITTING)
def test_fitting(annotation: str, value: Any, wanted: Any):
    bound, wrong = bind({"x": value}, {"x": Parameter(annotation, required=True)})
    assert wrong == []
    assert json.dumps(bound) == json.dumps({"x": wanted})  # 3 and 3.0 differ in a fingerprint


@pytest.mark.parametrize(("annotation", "value", "message"), WRONG)
def test_wrong(annotation: str, value: Any, message: str):
    assert bind({"x": value}, {"x": Parameter(annotation, required=True)}) == ({}, [f"x: {message}"])


def test_all_mistakes_at_once():
    parameters = {
        "frames": Parameter("int", required=True),
        "size": Parameter("str", "L"),
        "crop": Parameter("int", required=True),
    }
    assert bind({"frams": 3, "size": 4, 7: 1}, parameters) == (
        {},
        [
            "unknown parameter 'frams'; did you mean 'frames'?",
            "unknown parameter '7'; known: frames, size, crop",
            "parameter 'frames' (int) is missing",
            "size: 4 should be text",
            "parameter 'crop' (int) is missing",
        ],
    )


@pytest.mark.parametrize(
    ("annotation", "default", "typed"),
    [
        ("float", 60, 60),
        ("float", 60, 60.0),
        ("float", 60.0, 60),
        ("tuple[int, int]", (1, 2), [1, 2]),
        ("tuple[float, ...]", (1, 2), [1, 2]),
        ("int | None", None, None),
        ("dict[str, float]", {"a": 1}, {"a": 1}),
    ],
)
def test_a_default_equals_the_same_value_typed(annotation: str, default: Any, typed: Any):
    parameters = {"x": Parameter(annotation, default)}
    assert json.dumps(bind({}, parameters)[0]) == json.dumps(bind({"x": typed}, parameters)[0])


def test_a_default_is_not_shared():
    """Changing what one stage was given leaves the next stage's default alone."""
    parameters = {"x": Parameter("list[int]", [1])}
    bind({}, parameters)[0]["x"].append(2)
    assert bind({}, parameters)[0]["x"] == [1]
