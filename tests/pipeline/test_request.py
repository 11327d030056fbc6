"""What a command asks for: settings that are given, on top of those that the workspace remembers."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.request import recalled
from pipeline.store import memory
from pipeline.store.memory import Memory

MINE, CONCAT = "train.baselines.mine=fusion.mhsa.MHSA", "train.baselines={concat: fusion.concat.Concat}"
MEAN = "train.baselines.mine=fusion.mean.Mean"


@pytest.mark.parametrize(
    ("remembered", "given", "baselines"),
    [
        ((MINE, CONCAT), (MEAN,), {"concat": "fusion.concat.Concat", "mine": "fusion.mean.Mean"}),
        ((CONCAT, MINE), (MEAN,), {"concat": "fusion.concat.Concat", "mine": "fusion.mean.Mean"}),
        ((CONCAT,), (MEAN, MINE), {"concat": "fusion.concat.Concat", "mine": "fusion.mhsa.MHSA"}),
        ((MINE,), (CONCAT,), {"concat": "fusion.concat.Concat"}),
        ((MINE,), (CONCAT, MEAN), {"concat": "fusion.concat.Concat", "mine": "fusion.mean.Mean"}),
        (("train.baselines={}", "train.baselines.mine-too=fusion.mean.Mean"), (MINE,), {
            "mine-too": "fusion.mean.Mean", "mine": "fusion.mhsa.MHSA"
        }),
    ],
)  # fmt: skip
def test_what_is_given_goes_on_top_of_what_is_remembered(
    tmp_path: Path, remembered: tuple[str, ...], given: tuple[str, ...], baselines: dict[str, str]
) -> None:
    memory.write(tmp_path, Memory(tmp_path / "collection.yaml", sets=(*remembered, "train.heads=4")))
    wanted = recalled(tmp_path, sets=given)
    assert wanted is not None
    train = wanted.graph().stages["train"]
    assert {
        name: entry if isinstance(entry, str) else entry["uses"] for name, entry in train.options["baselines"].items()
    } == baselines
    assert train.params["heads"] == 4
    assert set(given[-1:]) <= set(wanted.sets) <= {*remembered, *given, "train.heads=4"}
