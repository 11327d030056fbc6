"""The picture of each video: what decode has kept, or a middle frame where that is of one colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.graph import stages
from pipeline.items.catalog import Catalog
from pipeline.pictures.shown import pictures
from pipeline.pictures.stored import Thumbnails
from pipeline.plan.context import Context
from pipeline.rows import shards
from pipeline.store.workspace import Workspace
from pipeline.video.pixels import thumbnail
from tests.conftest import Clips

BLACK = thumbnail(np.zeros((48, 64, 3), np.uint8))
SHARP = thumbnail(np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8))


def write(path: Path, pictures: dict[str, bytes]) -> None:
    """A shard of decode with these pictures."""
    columns = {
        "thumbnails": np.frombuffer(b"".join(pictures.values()), np.uint8),
        "thumbnail_starts": np.cumsum([0, *map(len, pictures.values())]),
    }
    shards.write(path, list(pictures), np.zeros((len(pictures), 1), np.int64), {}, extra=columns)


@pytest.fixture
def context(tmp_path: Path, clips: Clips) -> Context:
    """Two shards: a has a picture, b is black but its file is not, c is black throughout, d is lost, e in no shard."""
    frames = np.random.default_rng(1).integers(0, 256, (20, 48, 64, 3), np.uint8)
    frames[:8] = 0
    files = [clips("a.mp4", frames), clips("b.mp4", frames), clips("c.mp4", np.zeros_like(frames))]
    write(tmp_path / "decode" / "00000.h5", {"a": SHARP, "b": BLACK})
    write(tmp_path / "decode" / "00001.h5", {"c": BLACK})
    shard = np.array([0, 0, 1, 1, 2])
    catalog = Catalog(list("abcde"), [*map(str, files), "d.mp4", "e.mp4"], video_shard=shard)
    return Context(stages.load(), catalog, Workspace(tmp_path))


def test_thumbnails_as_they_are_kept(context: Context) -> None:
    assert Thumbnails(context).read([3, 2, 1, 0, 4]) == [b"", BLACK, BLACK, SHARP, b""]
    assert Thumbnails(context).read([]) == []


def test_a_middle_frame_where_the_kept_one_is_of_one_colour(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAFF_DECODERS", "1")
    a, b, c, d = pictures(context, [0, 1, 2, 3])
    assert (a, c, d) == (SHARP, BLACK, b"")
    assert b not in (BLACK, b"")
    assert pictures(context, [2, 1], most=1) == [BLACK, BLACK]  # only c was tried


def test_no_pictures_without_a_stage_that_decodes(context: Context, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("stages:\n  ingest: {step: ingest}\n")
    bare = Context(stages.load(tmp_path / "own.yaml"), context.catalog, context.work)
    assert Thumbnails(bare).read([0, 1]) == [b"", b""]


def test_no_picture_of_a_shard_of_an_earlier_version(context: Context) -> None:
    path = context.work.folder("decode") / "00001.h5"
    shards.write(path, ["c"], np.zeros((1, 1), np.int64), {})
    assert Thumbnails(context).read([2, 0]) == [b"", SHARP]
