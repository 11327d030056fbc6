"""Judgements, with strata and without."""

import gzip
from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.runfiles.numbered import Numbered
from pipeline.runfiles.qrels import read

SHOULD = (
    "should be a whole number, such as -1, 0, 1, and 1,000 at most, since trec_eval takes every grade up to the "
    "highest for a level"
)


def test_four_columns(tmp_path: Path) -> None:
    (tmp_path / "qrels").write_text("1 0 a 1\n2 Q0 a 0\n1\t0\tb%20c\t2\n\n")
    judgements = read(tmp_path / "qrels")
    assert (judgements.topics, judgements.ids.names, judgements.stratified) == (["1", "2"], ["a", "b c"], False)
    items, values, strata = judgements.of(0)
    assert (items.tolist(), values.tolist(), strata.tolist()) == ([0, 1], [1, 2], [0, 0])
    assert judgements.relevant().tolist() == [2, 0]
    assert judgements.renamed({"1": "x"}).topics == ["x", "2"]


def test_five_columns_share_the_numbers_of_a_run(tmp_path: Path) -> None:
    ids = Numbered()
    ids.plain(["shot9"])
    (tmp_path / "q.gz").write_bytes(gzip.compress(b"1501 0 shot1 2 -1\n1501 0 shot9 1 1\n"))
    judgements = read(tmp_path / "q.gz", ids)
    assert judgements.stratified
    assert judgements.stratum_names == ["2", "1"]
    items, values, strata = judgements.of(0)
    assert (items.tolist(), values.tolist(), strata.tolist()) == ([1, 0], [-1, 1], [0, 1])


def test_every_mistake_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "q").write_text("1 0 a 1\n1 0 b\n1 0 c yes\n1 0 d 99999999999\n1 0 a 0\n1 0 e 1_0\n1 0 f 1001\n")
    with pytest.raises(LaffError) as raised:
        read(tmp_path / "q")
    assert [problem.removeprefix(f"{tmp_path}/") for problem in raised.value.problems] == [
        "q:2: '1 0 b' is not `topic 0 item judgement`, as the lines before it",
        f"q:3: judgement 'yes' {SHOULD}",
        f"q:4: judgement '99999999999' {SHOULD}",
        f"q:6: judgement '1_0' {SHOULD}",
        f"q:7: judgement '1001' {SHOULD}",
        "q:5: topic '1' has 'a' twice, first in line 1; keep one of them",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 Q0 a 1 0.5 tag\n", "this looks like a run: give it without --qrels"),
        ("1,a,1\n", "is neither `topic 0 item judgement` nor `topic 0 item stratum judgement`"),
        ("", "holds no line `topic 0 item judgement`"),
    ],
)
def test_what_is_no_file_of_judgements(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "q").write_text(text)
    with pytest.raises(LaffError, match=said):
        read(tmp_path / "q")
