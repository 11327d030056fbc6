"""The results of two runs held against each other, on the queries that both have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pipeline.difference import difference, results, text
from pipeline.difference.side import Side
from pipeline.ranking import ranks_file
from pipeline.rows import shards

Sides = Callable[[], tuple[Side, Side]]


def test_equal_runs(sides: Sides) -> None:
    found = results.differing(*sides())
    assert found.equal
    assert {row.way for row in found.rows} == {"t2v", "v2t"}
    assert {"laff", "clip-ft", "mean"} <= {row.row for row in found.rows}
    assert all(row.p == 1.0 and row.first == row.second for row in found.rows)


def worse(path: Any, keep: slice = slice(None)) -> None:
    """All captions at the last rank; `keep`: which of them are left."""
    shard = shards.read(path)
    columns = {name: shards.column(path, name) for name in ranks_file.COLUMNS}
    candidates = int(shard.attributes["candidates"])
    first = np.full((len(shard.ids), 1), float(candidates))[keep]
    of_captions = ("covered", "precision", "video")
    columns |= {name: columns[name][keep] for name in of_captions}
    columns["precision"] = np.full(len(first), 1 / candidates)
    shards.write(path, shard.ids[keep], first, shard.attributes, (), columns)


def test_a_row_that_got_worse(two: tuple[Any, Any], sides: Sides) -> None:
    for seed in (1, 2):
        worse(two[1].work / "rank" / "laff" / f"seed{seed}" / "ranks.h5")
    found = results.differing(*sides())
    assert not found.equal
    rows = {(row.row, row.way): row for row in found.rows}
    laff = rows["laff", "t2v"]
    assert not laff.equal
    assert laff.second["R@1"]["mean"] == 0.0
    assert laff.second["mAP"]["mean"] == pytest.approx(1 / 6)
    assert laff.first["R@1"]["seeds"] != []
    assert laff.p is not None
    assert 0 < laff.p < 0.2  # six videos have 64 signs: the smallest p is about 2 / 64
    assert laff.as_json()["seeds"] == {"a": [1, 2], "b": [1, 2]}
    assert laff.as_json()["difference"]["mAP"] == pytest.approx(1 / 6 - laff.first["mAP"]["mean"])
    assert rows["laff", "v2t"].equal
    assert rows["mean", "t2v"].equal


def test_other_seeds_are_a_difference_that_no_p_tells_of(two: tuple[Any, Any], sides: Sides) -> None:
    (two[1].work / "rank" / "laff" / "seed2" / "ranks.h5").unlink()
    found = results.differing(*sides())
    (laff,) = (row for row in found.rows if (row.row, row.way) == ("laff", "t2v"))
    assert (laff.seeds, laff.equal) == (([1, 2], [1]), False)
    assert laff.second["mAP"]["seeds"] == laff.first["mAP"]["seeds"][:1]
    words = text.text(difference.difference(*sides()))
    assert "Other seeds: 1, 2 in A, 1 in B. p tells of queries" in words


def test_the_queries_of_both(two: tuple[Any, Any], sides: Sides) -> None:
    for path in (two[1].work / "rank").glob("*/seed*/ranks.h5"):
        worse(path, slice(0, -4))
    found = results.differing(*sides())
    count = len(shards.read_ids(two[0].work / "rank" / "laff" / "seed1" / "ranks.h5"))
    assert {row.queries for row in found.rows if row.way == "t2v"} == {count - 4}
    assert found.notes == [f"t2v: {count} and {count - 4} queries; figures are of the {count - 4} that both have"]
    assert not found.equal


def test_other_candidates_are_not_tested(sides: Sides) -> None:
    first, second = sides()
    catalog = replace(second.catalog, video_split=second.catalog.video_split.copy())
    row = second.catalog.split_videos("test")[0]
    catalog.video_split[row] = 0
    found = results.differing(first, replace(second, catalog=catalog))
    assert "the candidates differ (6 and 5 videos of test, 5 in both)" in found.notes[0]
    assert {row.p for row in found.rows} == {None}


def test_rows_that_one_of_them_lacks(two: tuple[Any, Any], sides: Sides) -> None:
    for path in (two[1].work / "rank").glob("mean/seed*/ranks.h5"):
        path.unlink()
    found = results.differing(*sides())
    assert (found.only_first, found.only_second) == (["mean"], [])
    (two[1].work / "rank" / "index.jsonl").unlink()
    found = results.differing(*sides())
    assert found.rows == []
    assert found.notes == [f"{two[1].work}:main has no results yet"]
