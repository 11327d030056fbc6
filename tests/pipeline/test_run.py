"""A run: what is told before anything is made."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.request import Request
from pipeline.run import plan, run

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
