"""The cache of finetune's frames."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extractors.base import Sampling
from pipeline.errors import LaffError
from pipeline.opening import open_context
from pipeline.rows import shards
from pipeline.training import frame_cache
from pipeline.video import reading
from tests.pipeline.video.test_company import CHANGES, COUNT, joined


def test_frames_that_the_disk_cannot_hold_are_told_before_anything_is_decoded(
    tiny: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = tiny.copy(tmp_path / "tiny")
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(frame_cache.shutil, "disk_usage", lambda folder: usage(10**9, 10**9, 10**6))
    # train and val: 16 videos of 8 frames of 64 x 64 pixels, 3 bytes each
    assert 16 * 8 * 64 * 64 * 3 == 1_572_864
    with pytest.raises(LaffError, match=r"'finetune' keeps 0.0 GB of frames in .*finetune/frames while it learns"):
        changed.run(targets=("finetune",))
    assert not list((changed.work / "finetune").rglob("*.h5"))
    monkeypatch.undo()
    assert changed.run("finetune.epochs=1", targets=("finetune",)).made["finetune"] == 1


def test_fine_tuning_has_its_threads_whether_or_not_frames_are_decoded_before(
    tiny: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sums hang on their number; decoding in the same process sets another."""
    import torch

    from pipeline.training import trainer

    seen: list[int] = []
    before, run = torch.get_num_threads(), trainer.Trainer.run

    def look(self: trainer.Trainer) -> dict[str, Any]:
        seen.append(torch.get_num_threads())
        torch.set_num_threads(1)  # two that wait for each other on busy cores take ten times as long
        return run(self)

    monkeypatch.setattr(trainer.Trainer, "run", look)
    changed = tiny.copy(tmp_path / "tiny")
    changed.stages.write_text(changed.stages.read_text().replace("threads: 1", "threads: 2"))
    once = ("finetune.keep_frames=true", "finetune.epochs=1")
    try:
        changed.run(*once, targets=("finetune",))
        changed.run(*once, "finetune.seed=3", targets=("finetune",))  # the frames are there
    finally:
        torch.set_num_threads(before)
    assert seen == [2, 2]


def test_the_decoder_that_was_chosen_reads_its_frames(tiny: Any, tmp_path: Path) -> None:
    """One video grows on its way, of which PyAV and decord make other pictures; frames that were kept are not taken."""
    changed = tiny.copy(tmp_path / "tiny")
    video = (changed.folder / "collection" / "train.txt").read_text().split()[0]
    path = joined(changed.videos / f"{video}.mp4", "libx264", COUNT // 2, CHANGES["larger"])
    changed.run(targets=("decode",))
    sampling = Sampling(4, 32, 32)
    by_decoder = []
    for decoder in ("pyav", "decord"):
        context = open_context(changed.request(f"decode.decoder={decoder}"))
        frame_cache.pairs(context, context.stage("finetune"), sampling)
        context.tasks.close()
        shard = shards.read(changed.work / "finetune" / "frames" / "00000.h5")
        assert shard.attributes["decoder"] == reading.VERSIONS[decoder]
        by_decoder.append(np.asarray(shard.values[shard.ids.index(video)]).reshape(4, 32, 32, 3))
        expected = reading.read(path, [sampling], COUNT, 24.0, decoder).arrays[0][0]
        np.testing.assert_array_equal(by_decoder[-1], expected)
    assert (by_decoder[0] != by_decoder[1]).any()
