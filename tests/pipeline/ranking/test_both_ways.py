"""The files of a row: ranks both ways and run files, by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.assembly.features import Rows
from pipeline.items.catalog import Catalog
from pipeline.ranking import both_ways, ranks_file
from pipeline.ranking.scores import Scored
from pipeline.runfiles.trec import read_run

# Videos a, b and c of test, of which b has no features; z is of train. Two captions of a, one of b, one of c.
CATALOG = Catalog(
    videos=["a", "b", "z", "c"],
    video_split=np.array([2, 2, 0, 2]),
    captions=["a#0", "z#0", "b#0", "a#1", "c#0"],
    texts=["one", "two", "three", "four", "five"],
    caption_video=np.array([0, 2, 1, 0, 3]),
)
ROWS = Rows({}, {}, np.array([0, 3]), np.array([0, 2, 3, 4]), np.array([0, -1, 0, 1]))
SCORES = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.3], [0.7, 0.4]], np.float32)  # captions a#0 b#0 a#1 c#0; videos a c


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    scores = torch.from_numpy(SCORES)
    scored = Scored([lambda texts, videos: scores[texts][:, videos]], np.arange(4), 2)
    both_ways.write(tmp_path, "mine", scored, CATALOG, ROWS, 2)
    return tmp_path


def test_ranks_and_who_is_covered(folder: Path) -> None:
    """a#1 ties with c: 1.5; c#0: a is above. Of a: a#0 first, b#0 and c#0 above a#1: (1 + 2 / 4) / 2. Of c: first."""
    assert sorted(path.name for path in folder.iterdir()) == sorted(("t2v.trec.gz", "v2t.trec.gz", "ranks.h5"))
    found = ranks_file.read(folder)
    t2v, v2t = (found[way] for way in ranks_file.WAYS)
    assert t2v.ids == ["a#0", "b#0", "a#1", "c#0"]
    assert t2v.ranks.first.tolist() == [1, 3, 1.5, 2]  # b#0 is at the last of three videos
    assert t2v.ranks.precision.tolist() == pytest.approx([1, 1 / 3, 1 / 1.5, 1 / 2])
    assert t2v.covered.tolist() == [True, False, True, True]
    assert t2v.groups.tolist() == [0, 1, 0, 3]
    assert (t2v.candidates, t2v.relevant.tolist()) == (3, [1, 1, 1, 1])
    assert v2t.ids == ["a", "b", "c"]
    assert v2t.ranks.first.tolist() == [1, 4, 1]
    assert v2t.ranks.precision.tolist() == pytest.approx([0.75, 1 / 4, 1])
    assert v2t.covered.tolist() == [True, False, True]
    assert (v2t.candidates, v2t.relevant.tolist()) == (4, [2, 1, 1])


def test_runs_hold_the_best_of_each_query(folder: Path) -> None:
    """Captions of uncovered videos ask and are found, too."""
    names = {
        way: {query: [item for item, _ in items] for query, items in read_run(folder / f"{way}.trec.gz")}
        for way in ranks_file.WAYS
    }
    assert names["t2v"] == {"a#0": ["a", "c"], "b#0": ["a", "c"], "a#1": ["a", "c"], "c#0": ["a", "c"]}
    assert names["v2t"] == {"a": ["a#0", "b#0"], "c": ["c#0", "a#1"]}


def test_the_captions_of_each_covered_video() -> None:
    assert [places.tolist() for places in both_ways.captions_of(ROWS.video_of, 2)] == [[0, 2], [3]]


def test_candidates_without_a_caption_and_queries_without_a_video(tmp_path: Path) -> None:
    """d has no caption and ranks among the others; the query of no video has a run, no rank, and is no candidate.

    Scores of a#0, the query and c#0 for a, c and d: a is behind d, c first. Of videos, a finds a#0 before c#0, c finds
    c#0 first, and d only has a run.
    """
    catalog = Catalog(
        videos=["a", "c", "d"],
        video_split=np.array([2, 2, 2]),
        captions=["a#0", "9", "c#0"],
        texts=["one", "two", "three"],
        caption_video=np.array([0, -1, 1]),
    )
    rows = Rows({}, {}, np.array([0, 1, 2]), np.array([0, 1, 2]), np.array([0, -1, 1]))
    scores = torch.tensor([[0.5, 0.1, 0.7], [0.9, 0.8, 0.7], [0.2, 0.6, 0.4]])
    scored = Scored([lambda texts, videos: scores[texts][:, videos]], np.arange(3), 3)
    both_ways.write(tmp_path, "mine", scored, catalog, rows, 1000)
    t2v, v2t = (
        {query: [item for item, _ in items] for query, items in read_run(tmp_path / file)} for file in both_ways.RUNS
    )
    assert t2v == {"a#0": ["d", "a", "c"], "9": ["a", "c", "d"], "c#0": ["c", "d", "a"]}
    assert v2t == {"a": ["a#0", "c#0"], "c": ["c#0", "a#0"], "d": ["a#0", "c#0"]}
    found = ranks_file.read(tmp_path)
    assert (found["t2v"].ids, found["t2v"].ranks.first.tolist()) == (["a#0", "c#0"], [2, 1])
    assert (found["t2v"].candidates, found["t2v"].covered_candidates) == (3, 3)
    assert (found["v2t"].ids, found["v2t"].ranks.first.tolist()) == (["a", "c"], [1, 1])
    assert (found["v2t"].candidates, found["v2t"].relevant.tolist()) == (2, [1, 1])


def test_queries_alone_have_a_run(tmp_path: Path) -> None:
    """Ids may have spaces and accents: in the run they are escaped, in ranks.h5 they stand as they are."""
    catalog = Catalog(
        videos=["été 1", "d"],
        video_split=np.array([2, 2]),
        captions=["topic 9"],
        texts=["two"],
        caption_video=np.array([-1]),
    )
    rows = Rows({}, {}, np.array([0, 1]), np.array([0]), np.array([-1]))
    scored = Scored([lambda texts, videos: torch.tensor([[0.5, 0.7]])], np.zeros(1, np.int64), 2)
    both_ways.write(tmp_path, "mine", scored, catalog, rows, 1000)
    assert dict(read_run(tmp_path / "t2v.trec.gz")) == {
        "topic 9": [("d", pytest.approx(0.7)), ("été 1", pytest.approx(0.5))]
    }
    assert dict(read_run(tmp_path / "v2t.trec.gz")) == {}
    assert ranks_file.read(tmp_path)["t2v"].ids == []
