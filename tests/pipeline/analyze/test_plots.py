"""Plots: PNG and SVG, the same bytes for the same numbers, names as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.analyze import plots

RANKS = np.array([1.0, 1, 2.5, 30, 300])
DRAWN: dict[str, Callable[[Path], None]] = {
    "weights": lambda path: plots.weights(
        path, "laff", {"video": [("x3d", 0.7, 0.1), ("tf_8", 0.3, 0.2)], "text": [("bow", 1.0, 0.0)]}
    ),
    "spaces": lambda path: plots.spaces(path, "laff", np.array([[1, 0.4], [0.4, 1]])),
    "cost": lambda path: plots.cost(path, [("laff", 30_000_000, 31_000_000, 9_000_000), ("pairs", 5_000, 0, 0)]),
    "queries": lambda path: plots.queries(path, ("laff", "$con$cat"), RANKS, RANKS[::-1]),
}


@pytest.mark.parametrize("name", DRAWN)
def test_both_files_are_the_same_each_time(name: str, tmp_path: Path) -> None:
    for folder in ("one", "two"):
        DRAWN[name](tmp_path / folder / name)
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == [f"{name}.png", f"{name}.svg"]
    for ending in ("png", "svg"):
        first, second = ((tmp_path / folder / f"{name}.{ending}").read_bytes() for folder in ("one", "two"))
        assert first == second
    assert first.startswith(b"<?xml")
    assert (tmp_path / "one" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert b"<dc:date>" not in first


def test_every_rank_has_a_bin() -> None:
    edges = plots.rank_edges(3000)
    assert edges[:5].tolist() == [0.5, 1.5, 2.5, 3.5, 4.5]
    assert edges[-1] > 3000
    assert (np.diff(edges) > 0).all()
    assert np.histogram([1, 2.5, 3000], edges)[0].sum() == 3
    assert plots.rank_edges(1).tolist() == [0.5, 1.5]
