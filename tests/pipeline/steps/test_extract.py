"""extract: what a stage cannot learn is told before anything is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.request import Request
from pipeline.run import run

STAGES = """
stages:
  ingest: {step: ingest}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest}
  w2v: {step: extract, uses: extractors.w2v.W2v, from: ingest, params: {dim: 4, epochs: 1}}
"""


def test_captions_with_too_few_words_are_told_first(collect: Callable[..., Path], tmp_path: Path) -> None:
    """Six captions of train, in which no word occurs the five times that the defaults ask for."""
    captions = {f"v{n}": [f"thing {n}", f"the thing {n + 10}"] for n in range(2)}
    path = collect(train=captions, val={"a": ["one"]}, test={"b": ["two"]})
    path.write_text(path.read_text().replace("videos: videos\n", ""))
    (tmp_path / "s.yaml").write_text(STAGES)
    request = Request(path, tmp_path / "WORK", tmp_path / "s.yaml")
    with pytest.raises(LaffError) as error:
        run(request, ["bow", "w2v"])
    assert str(error.value).splitlines()[1:] == [
        f"  - '{stage}': no word occurs 5 times or more among the {words} different words of the train captions; the "
        f"commonest, 'thing', occurs 4; give more captions or a lower threshold: --set {stage}.threshold=1"
        for stage, words in (("bow", 5), ("w2v", 6))
    ]
    assert not (tmp_path / "WORK" / "ingest").exists()
    request.sets = ("bow.threshold=1", "w2v.threshold=4")
    assert run(request, ["bow", "w2v"]).made.keys() == {"ingest", "bow", "w2v"}
