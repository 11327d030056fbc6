"""What TRECVID asks of an AVS run."""

import pytest

from pipeline.errors import LaffError, Problems
from pipeline.runfiles.avs_rules import attributes, incomplete


def test_usual_and_given_attributes() -> None:
    assert attributes([]) == {
        "trType": "D",
        "class": "F",
        "pid": "laff",
        "priority": "1",
        "desc": "",
        "elapsedTime": "0",
    }
    given = attributes(["pid=TEAM", "desc=a = b", "class=M", "task=P", "elapsedTime=0.5"])
    assert (given["pid"], given["desc"], given["class"], given["task"]) == ("TEAM", "a = b", "M", "P")


def test_all_mistakes_at_once() -> None:
    with pytest.raises(LaffError) as raised:
        attributes(
            ["team=x", "prioriti=1", "class=X", "priority=0", "elapsedTime=long", "pid=", "desc=a\x00", "novelty"]
        )
    problems = "\n".join(raised.value.problems)
    for said in (
        "an AVS run has no attribute 'team'",
        "no attribute 'prioriti'; did you mean 'priority'?",
        "class is 'X'; it should be one of M, F, R",
        "priority is '0'; it should be one of 1, 2,",
        "elapsedTime is 'long'; it should be seconds, such as 1 or 0.5",
        "pid is empty",
        "desc has the character '\\x00', which XML cannot hold",
        "'novelty' should be KEY=VALUE; keys are trType,",
    ):
        assert said in problems
    assert len(raised.value.problems) == 8


def test_topics_that_are_missing_or_strange() -> None:
    problems = Problems()
    incomplete(["1", "3"], ["1", "2"], "run.xml", problems)
    assert list(problems) == [
        "run.xml: lacks 1 of 2 topics: 2; an AVS run has all",
        "run.xml: has topics that the file of topics lacks: 3; an AVS run has no others",
    ]
