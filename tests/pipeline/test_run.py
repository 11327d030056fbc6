"""A run: what is told before anything is made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from pipeline.errors import LaffError
from pipeline.request import Request
from pipeline.run import run
from pipeline.run_plan import plan

if TYPE_CHECKING:
    from tests.conftest import Tiny

STAGES = "stages:\n  ingest: {step: ingest}\n  decode: {step: decode, from: ingest}\n"


def test_the_workspace_is_not_the_folder_of_the_videos(collect: Callable[..., Path], tmp_path: Path) -> None:
    """Stages' folders would stand among the videos, and be taken for subfolders with more of them."""
    path = collect()
    (tmp_path / "stages.yaml").write_text(STAGES)
    videos = tmp_path / "videos"
    before = sorted(videos.iterdir())
    for look in (run, plan):
        with pytest.raises(
            LaffError, match=r"videos: videos of the collection lie there, such as \S+; name a folder of"
        ):
            look(Request(path, videos, tmp_path / "stages.yaml"), ["decode"])
    assert sorted(videos.iterdir()) == before
    assert plan(Request(path, tmp_path / "WORK", tmp_path / "stages.yaml"), ["decode"]).stages


def rows_of(workspace: Tiny) -> list[str]:
    metrics = json.loads((workspace.work / "evaluate" / "metrics.json").read_text(encoding="utf-8"))
    return [name for name in metrics["models"] if not name.endswith("(covered only)")]


def test_a_pair_of_features_that_are_not_fused_is_ranked_beside_the_models(ran: Tiny, tmp_path: Path) -> None:
    copy = ran.copy(tmp_path / "copy")
    before = rows_of(copy)
    counts = copy.run("rank.pairs={clip-ft: fused, clip: [clip, clip]}", targets=("evaluate",)).made
    assert {"clip", "rank", "evaluate"} <= counts.keys()
    assert counts["rank"] == 1  # the new row alone
    assert "train" not in counts
    assert sorted(rows_of(copy)) == sorted([*before, "clip"])


def test_features_are_ranked_where_nothing_is_trained(tiny: Tiny, tmp_path: Path) -> None:
    """Of a collection that has nothing to learn from; what the train stage would fuse is not made."""
    copy = tiny.copy(tmp_path / "copy", work=False)
    said = yaml.safe_load(copy.collection.read_text(encoding="utf-8"))
    copy.collection.write_text(yaml.safe_dump({key: said[key] for key in ("videos", "test")}), encoding="utf-8")
    nothing = ("train.own=false", "train.singles=false", "train.baselines={}")
    pair = "rank.pairs={clip-ft: fused, clip: [clip, clip]}"
    counts = copy.run(*nothing, pair, "vectors.from=[train, clip]", targets=("report",)).made
    assert counts.keys() == {"ingest", "decode", "clip", "vectors", "rank", "evaluate", "report"}
    assert rows_of(copy) == ["clip", "chance"]
    assert not copy.run(*nothing, pair, "vectors.from=[train, clip]", targets=("report",)).made
    with pytest.raises(LaffError, match="has nothing to rank: 'train' trains no model, and pairs names no features"):
        copy.run(*nothing, targets=("rank",))
