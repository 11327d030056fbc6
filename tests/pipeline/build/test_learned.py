"""Word vectors that do not fit the encoder which is to start from them: told before anything is made."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.plan import steps

GRAPH = """
stages:
  ingest: {step: ingest}
  feature: {step: import, from: ingest, params: {file: f.npz, side: video}}
  words: {step: extract, uses: extractors.w2v.W2v, from: ingest, params: {vectors: v.txt, threshold: 1}}
  gru: {step: extract, uses: extractors.gru.Gru, from: [ingest, words, feature], params: {hidden: 4, threshold: 1}}
  train: {step: train, uses: fusion.mean.Mean, from: [feature, gru], params: {joint: [gru]}}
"""
SAID = "'gru' has vector_dim 500, but the word vectors of 'words' are 3 wide; --set gru.vector_dim=3"


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ([], SAID),
        (["gru.vector_dim=3"], ""),
        (["words.vectors=''", "words.dim=64"], SAID.replace("are 3", "are 64").replace("=3", "=64")),
        (["words.vectors=''", "words.dim=500"], ""),
        (["words.vectors=gone.txt"], "gone.txt: no such file of word vectors"),
    ],
)
def test_vectors_of_another_width(
    collect: Callable[..., Path], surroundings: Callable, tmp_path: Path, sets: list[str], said: str
):
    (tmp_path / "v.txt").write_text("a 1 2 3\nthe cat 4 5 6\n")
    (tmp_path / "f.npz").touch()
    context = surroundings(collect(), sets, GRAPH)
    mistakes = steps.problems(context, ["words", "gru", "train"])
    if said == SAID or "are 64" in said:
        assert mistakes == [said, said]  # of its own stage, and of the training in which it learns
    elif said:
        assert len(mistakes) == 1
        assert said in mistakes[0]
    else:
        assert mistakes == []
