"""The cache of finetune's frames."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import pytest

from pipeline import frame_cache
from pipeline.errors import LaffError


def test_frames_that_the_disk_cannot_hold_are_told_before_anything_is_decoded(
    tiny: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tiny.copy(tmp_path / "tiny")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(frame_cache.shutil, "disk_usage", lambda folder: usage(10**9, 10**9, 10**6))
    # train and val: 16 videos of 8 frames of 64 x 64 pixels, 3 bytes each
    assert 16 * 8 * 64 * 64 * 3 == 1_572_864
    with pytest.raises(LaffError, match=r"'finetune' keeps 0.0 GB of frames in .*finetune/frames while it learns"):
        made.run(targets=("finetune",))
    assert not list((made.work / "finetune").rglob("*.h5"))
    monkeypatch.undo()
    assert made.run(targets=("finetune",)).made["finetune"] == 1
