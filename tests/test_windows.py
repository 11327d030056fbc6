"""From a table of windows to features: the right rows, whatever the shards and groups; and frames to fine-tune on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from extractors.base import Sampling
from pipeline.extraction import decoding
from pipeline.opening import open_context
from pipeline.request import Request
from pipeline.rows import shards
from pipeline.run import run
from pipeline.store import ledger
from pipeline.training import frame_cache

STAGES = """
threads: 1
stages:
  ingest: {step: ingest}
  decode: {step: decode, from: ingest}
  colour: {step: extract, uses: extractors.brightness.Brightness, from: decode}
  finetune: {step: finetune, uses: extractors.clip.Clip, from: decode, params: {weights: random, model: tiny-64}}
"""
WINDOWS = [(f"film@{second}", second / 2, second / 2 + 1) for second in range(19)]  # a second each, half overlapping


@pytest.fixture
def videos(clips: Any, tmp_path: Path) -> Path:
    """A table of a film of ten seconds at 10 fps, frame k as light as 2 k: windows, one outside, the film; a short."""
    levels = np.arange(100, dtype=np.uint8).repeat(3 * 1024).reshape(100, 32, 32, 3) * 2
    clips("film.mp4", levels)
    clips("short.mp4", levels[:10])
    entries: list[dict[str, Any]] = [
        {"video": name, "path": "film.mp4", "start": start, "end": end}
        for name, start, end in [*WINDOWS, ("outside", 12.0, 13.0)]
    ]
    entries += [{"video": name, "path": f"{name}.mp4"} for name in ("film", "short")]
    (tmp_path / "t.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in entries))
    texts = "".join(json.dumps({"video": row["video"], "caption": "a light"}) + "\n" for row in entries)
    (tmp_path / "texts.jsonl").write_text(texts)
    ids = [row["video"] for row in entries]
    (tmp_path / "train.txt").write_text("\n".join(ids[:-2]))
    (tmp_path / "test.txt").write_text("\n".join(ids[-2:]))
    yaml = "name: windows\nvideos: t.jsonl\ntrain: {ids: train.txt, captions: texts.jsonl}\n"
    (tmp_path / "c.yaml").write_text(yaml + "val: test\ntest: {ids: test.txt, captions: texts.jsonl}\n")
    (tmp_path / "stages.yaml").write_text(STAGES)
    return tmp_path / "c.yaml"


def features(collection: Path, name: str, *sets: str) -> dict[str, np.ndarray]:
    work = collection.parent / name
    run(Request(collection, work, collection.parent / "stages.yaml", None, sets), ("colour",))
    vectors: dict[str, np.ndarray] = {}
    for path in sorted((work / "colour").glob("*.h5")):
        shard = shards.read(path)
        vectors |= dict(zip(shard.ids, shard.values, strict=True))
        if any("@" in id_ for id_ in shard.ids):
            starts = dict(zip(shard.ids, shards.column(path, "start").tolist(), strict=True))
            assert all(starts[one] == start for one, start, _ in WINDOWS if one in starts)
    return vectors


def test_rows_of_windows_are_those_of_their_frames(videos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together = features(videos, "together")
    assert set(together) == {name for name, *_ in WINDOWS} | {"film", "short"}
    for name, start, _ in WINDOWS:  # eight of ten frames: 0, 1, 3, 4, 5, 6, 8, 9 behind the first
        light = np.mean([2 * (10 * start + behind) for behind in (0, 1, 3, 4, 5, 6, 8, 9)]) / 255
        np.testing.assert_allclose(together[name], [light] * 3, atol=2 / 255)
    (line,) = ledger.read(videos.parent / "together" / "failures.jsonl")
    assert (line["video"], line["stage"]) == ("outside", "decode")
    assert line["reason"] == "the window begins at 12 s, but the video lasts 10 s"
    monkeypatch.setattr(decoding, "GROUP", (0, 3 * 8 * 32 * 32 * 3))
    for other in (features(videos, "apart", "ingest.shard_videos=4"), features(videos, "groups")):
        assert set(other) == set(together)
        for name, row in together.items():
            np.testing.assert_array_equal(other[name], row)
    (videos.parent / "t.jsonl").write_text('{"video": "film", "path": "film.mp4"}\n')
    (videos.parent / "c.yaml").write_text("name: whole\nvideos: t.jsonl\n")
    np.testing.assert_array_equal(features(videos, "whole")["film"], together["film"])


def test_fine_tuning_learns_from_frames_of_windows(videos: Path) -> None:
    request = Request(videos, videos.parent / "work", videos.parent / "stages.yaml", None, ())
    run(request, ("decode",))
    context = open_context(request)
    train, val, failed = frame_cache.pairs(context, context.stage("finetune"), Sampling(2, 16, 16))
    context.tasks.close()
    assert failed == []
    assert (len(train.videos), len(val.videos)) == (19, 2)
    levels = train.videos[np.arange(19)].mean(axis=(2, 3, 4)) / 2
    for got, (_, start, _) in zip(levels, WINDOWS, strict=True):
        assert got == pytest.approx([10 * start + 2, 10 * start + 7], abs=1)
    assert val.videos[np.array([0])].mean(axis=(2, 3, 4))[0] / 2 == pytest.approx([25, 75], abs=1)
