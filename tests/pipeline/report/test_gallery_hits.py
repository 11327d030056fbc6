"""The first hits of some queries, from a run file."""

from pathlib import Path

import numpy as np

from pipeline.report.gallery_hits import first_hits
from pipeline.runfiles import trec


def test_first_hits_of_the_queries_that_are_asked_for(tmp_path: Path) -> None:
    rows = {"a": 4, "b b": 5, "c": 9}
    found = {
        "a#0": [("a", 0.5), ("b b", 0.25), ("c", -1.0)],
        "b b#0": [("c", 3.0), ("a", 2.0), ("b b", 1.0)],
        "c#0": [("a", 0.75)],
    }
    trec.write_run(tmp_path / "t2v.trec.gz", list(found.items()), "laff")
    hits = first_hits(tmp_path / "t2v.trec.gz", ["c#0", "b b#0"], ["c", "b b"], rows, 2)
    assert hits.hits.tolist() == [[4, -1], [9, 4]]
    np.testing.assert_array_equal(hits.scores, [[0.75, np.nan], [3.0, 2.0]])
    np.testing.assert_array_equal(hits.right, [np.nan, 1.0])
