"""Results made up for tests of the report's sections."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from pipeline.graph.models import Model, Row
from pipeline.graph.rescoring import WAYS
from pipeline.ranking.ranks import Ranks


def spread(*seeds: float) -> dict[str, Any]:
    std = float(np.std(seeds, ddof=1)) if len(seeds) > 1 else 0.0
    return {"mean": sum(seeds) / len(seeds), "std": std, "seeds": list(seeds)}


def figures(rows: dict[str, tuple[float, ...]]) -> dict[str, Any]:
    """metrics.json of rows with these values of R@10 with each seed; mAP is a hundredth of it."""

    def row(seeds: tuple[float, ...]) -> dict[str, Any]:
        one = {"R@10": spread(*seeds), "MedR": spread(*(100 - value for value in seeds))}
        one |= {"mAP": spread(*(value / 100 for value in seeds)), "queries": 8, "candidates": 4}
        return dict.fromkeys(WAYS, one)

    interval = {"R@10": [1.0, 99.0]}
    return {
        "protocol": "mine: every caption of test is a query",
        "unusual": [],
        "ties": "places: as they are",
        "coverage": 0.75,
        "splits": {"test": {"videos": 4, "covered": 3, "coverage": 0.75, "captions": 8}},
        "untrained": [],
        "models": {name: row(seeds) for name, seeds in rows.items()},
        "bootstrap": {name: dict.fromkeys(WAYS, interval) for name in rows if name != "chance"},
    }


def model(name: str, loss: str = "triplet") -> Model:
    return Model(name, "fusion.laff.LAFF", ("v",), ("t",), (1,), {}, options={"loss": loss})


def trained(name: str, loss: str = "triplet") -> Row:
    return Row(name, (1,), models=(model(name, loss),))


def ranked(*first: float) -> list[dict[str, SimpleNamespace]]:
    """The ranks of queries with one seed, each query a group of its own; both ways alike."""
    ranks = np.array(first, dtype=np.float64)
    one = SimpleNamespace(ranks=Ranks(ranks, 1 / ranks), groups=np.arange(len(first)))
    return [dict.fromkeys(WAYS, one)]


def material(rows: list[Row], of_metrics: dict[str, Any], **more: Any) -> Any:
    """What a section reads of a Material."""
    from pipeline.graph.graph import Stage

    train = Stage("train", "train", "fusion.laff.LAFF")
    return SimpleNamespace(rows=rows, figures=of_metrics, main=rows[0].name, train=train, **more)
