"""Which stages stand for the features of a paper."""

import pytest

from pipeline.errors import LaffError
from pipeline.published import read
from pipeline.reproduce.stand_ins import StandIns, names


def test_features_of_a_table() -> None:
    assert names(read.load("tab-11")) == {
        "video": ["rx101", "re152", "wsl", "clip"],
        "text": ["bow", "w2v", "gru", "clip"],
    }
    assert "clip-ft-frames" in names(read.load("tab-12"))["video"]


def test_a_stage_is_named_as_its_feature_or_by_a_person() -> None:
    chosen = StandIns({"rx101": "resnext", "clip-text": "words"}, {"wsl": "-", "clip": "conse"})
    assert chosen.stages(["rx101", "re152", "wsl", "clip"], "video") == ["resnext", "re152", "conse"]
    assert chosen.stages(["bow", "clip"], "text") == ["bow", "words"]
    assert StandIns({}, {"clip": "conse"}).stages(["clip"], "text") == ["conse"]  # both sides, if nothing else is said
    assert chosen.called == {"resnext": "rx101", "words": "clip"}


def test_a_wrong_name_is_told() -> None:
    with pytest.raises(LaffError, match=r"--stand-in rx11: the table has no such feature; did you mean 'rx101'\?"):
        StandIns({}, {"rx11": "a"}).check(read.load("tab-11"))
    with pytest.raises(LaffError, match="wsl: give --as or --stand-in, not both"):
        StandIns({"wsl": "a"}, {"wsl": "b"}).check(read.load("tab-11"))
    StandIns({"clip-text": "a"}, {"clip": "b"}).check(read.load("tab-11"))
