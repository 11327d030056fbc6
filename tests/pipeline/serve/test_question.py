"""What an address asks, and what is refused in words."""

from __future__ import annotations

import pytest

from pipeline.serve import question
from pipeline.serve.problems import Refused
from pipeline.serve.question import Question


def test_a_question_with_everything() -> None:
    given = [("w", "demo"), ("q", " a red circle "), ("k", "3"), ("model", "laff"), ("model", "concat")]
    given += [("weight", "video:x3d=0"), ("weight", "text:bow=2"), ("split", "test")]
    weights = ("video:x3d=0", "text:bow=2")
    expected = Question("demo", "a red circle", "", 3, ("laff", "concat"), weights, "test")
    assert question.read(given, "q") == expected
    assert question.read([("id", "../v 1")], "id") == Question("", "", "../v 1")


@pytest.mark.parametrize(
    ("given", "needs", "words"),
    [
        ([("q", "   ")], "q", "the sentence is empty; say what the video should show"),
        ([], "q", "the sentence is empty"),
        ([("q", "a" * 10_000)], "q", "has 10,000 letters; at most 2,000 are read"),
        ([("q", "a"), ("k", "501")], "q", "k is '501'; it should be a number from 1 to 500"),
        ([("q", "a"), ("k", "0")], "q", "from 1 to 500"),
        ([("q", "a"), ("k", "-1")], "q", "from 1 to 500"),
        ([("q", "a"), ("k", "²")], "q", "from 1 to 500"),
        ([("q", "a"), ("k", "9" * 5000)], "q", "k is '99999999999999999999'"),
        ([("q", "a"), ("q", "b")], "q", "'q' is given 2 times; give it once"),
        ([("q", "a"), ("models", "laff")], "q", "unknown 'models' in the address; did you mean 'model'?"),
        ([("q", "a"), ("id", "v1")], "q", "'id' does not go here"),
        ([("id", "")], "id", "no video is named"),
        ([("q", "a"), *(("weight", f"text:{n}=1") for n in range(101))], "q", "101 models and weights"),
    ],
)
def test_what_is_refused(given: list[tuple[str, str]], needs: str, words: str) -> None:
    with pytest.raises(Refused) as refused:
        question.read(given, needs)
    assert words in str(refused.value)
    assert refused.value.status == 400


def test_two_thousand_letters_are_used() -> None:
    assert len(question.read([("q", "ö" * 2000)], "q").text) == 2000
