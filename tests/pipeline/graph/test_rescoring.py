"""What `rank.rescore` stands for, and what is wrong with it."""

import pytest

from pipeline.errors import LaffError
from pipeline.graph import rescoring
from pipeline.graph.rescoring import DualSoftmax, FrameMax, QbNorm, Second
from pipeline.parts.binding import bind
from pipeline.parts.classes import part


def test_a_list_of_methods_is_for_all_rows() -> None:
    assert rescoring.seconds(["qb-norm", "dual-softmax"], ["laff", "pair"]) == [
        Second("qb-norm", "laff", QbNorm()),
        Second("qb-norm", "pair", QbNorm()),
        Second("dual-softmax", "laff", DualSoftmax()),
        Second("dual-softmax", "pair", DualSoftmax()),
    ]
    assert rescoring.seconds([], ["laff"]) == []
    assert rescoring.seconds({"qb-norm": None}, []) == []


def test_methods_with_params_and_some_rows() -> None:
    asked = {
        "frame-max": {"pair": ["frames", "words"], "rows": ["pair", "laff"], "weight": 1},
        "qb-norm": {"beta": 5},
    }
    added = rescoring.seconds(asked, ["laff", "pair"])
    assert [second.name for second in added] == ["laff+frame-max", "pair+frame-max", "laff+qb-norm", "pair+qb-norm"]
    assert added[0].features == ("frames", "words")
    assert added[0].params == {"pair": ["frames", "words"], "k": 1000, "weight": 1.0, "scaling": "none"}
    assert added[3].how == QbNorm(beta=5.0)
    assert added[3].features == ()


def test_what_a_row_says_of_itself() -> None:
    about = {method: Second(method, "laff", kind).about() for method, kind in KINDS.items()}
    assert {method: said["transductive"] for method, said in about.items()} == {
        "dual-softmax": True,
        "qb-norm": False,
        "frame-max": False,
    }
    assert about["qb-norm"] == {
        "method": "qb-norm",
        "of": "laff",
        "transductive": False,
        "words": QbNorm.WORDS,
        "beta": 20.0,
        "k": 1,
    }
    assert (KINDS["qb-norm"].WAYS, KINDS["dual-softmax"].WAYS) == (("t2v",), ("t2v", "v2t"))


KINDS = {"dual-softmax": DualSoftmax(), "qb-norm": QbNorm(), "frame-max": FrameMax(["frames", "words"])}


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["qbnorm"], "rescore: no method 'qbnorm'; did you mean 'qb-norm'?; known: dual-softmax, qb-norm, frame-max"),
        ({"dual-softmax": {"scal": 1}}, "rescore: dual-softmax: unknown parameter 'scal'; did you mean 'scale'?"),
        ({"dual-softmax": {"scale": 0}}, "rescore: dual-softmax: scale is 0.0; it should be above 0"),
        ({"dual-softmax": {"scale": "x"}}, "rescore: dual-softmax: scale: 'x' should be a number"),
        ({"qb-norm": {"k": 0}}, "rescore: qb-norm: beta is 20.0 and k 0; they should be above 0, and at least 1"),
        (["frame-max"], r"'pair' \(list\[str\]\) is missing: \[video feature with level: frame, text"),
        ({"frame-max": {"pairs": ["a", "b"]}}, r"'pair' \(list\[str\]\) is missing: \[video feature"),
        ({"frame-max": {"pair": ["a"]}}, r"rescore: frame-max: pair should be \[video feature with level: frame, text"),
        ({"frame-max": {"pair": ["a", "b"], "weight": 2}}, "weight 2.0; they should be at least 1, and 0 to 1"),
        ({"qb-norm": {"rows": ["lff"]}}, "rescore: qb-norm: no row 'lff'; did you mean 'laff'?; rows are laff, pair"),
    ],
)
def test_mistakes(asked: rescoring.Asked, message: str) -> None:
    with pytest.raises(LaffError, match=message.replace("?", "[?]")):
        rescoring.seconds(asked, ["laff", "pair"])


def test_a_list_that_has_params_in_it() -> None:
    """What is wrong is the entry, not the list; and how params are given."""
    wanted = part("pipeline.graph.options.PairOptions").parameters
    _, [mistake] = bind({"rescore": ["dual-softmax", {"qb-norm": {"beta": 5}}]}, wanted)
    assert mistake.startswith("rescore: {'qb-norm': {'beta': 5}} should be text: second scoring, ")
    assert mistake.endswith("or method -> its params")


def test_all_mistakes_at_once() -> None:
    with pytest.raises(LaffError) as raised:
        rescoring.methods({"dual-softmax": {"scale": -1}, "none": {}, "qb-norm": {"k": 1.5}})
    assert len(raised.value.problems) == 3


def test_for_the_rows_of_another_table() -> None:
    frames = {"pair": ["frames", "words"], "rows": ["gone"]}
    asked = {"qb-norm": {"rows": ["laff", "gone"]}, "dual-softmax": None, "frame-max": frames}
    assert rescoring.among(asked, ["laff", "late"]) == {
        "qb-norm": {"rows": ["laff"]},
        "dual-softmax": {"rows": ["laff", "late"]},
    }
    with pytest.raises(LaffError, match="rescore: qb-norm: rows: 'laff' should be a list"):
        rescoring.among({"qb-norm": {"rows": "laff"}}, ["laff"])
    assert list(rescoring.lacking(asked, ["laff", "late"])) == ["gone+qb-norm", "gone+frame-max"]
