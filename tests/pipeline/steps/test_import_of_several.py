"""Features of collections that are put together: a file for each, with ids as they are in its own collection."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.items import collection
from pipeline.plan import steps
from pipeline.plan.context import Context
from pipeline.plan.plan import stage_plan
from pipeline.rows import shards
from pipeline.store import ledger

GRAPH = """
stages:
  ingest: {step: ingest}
  feat:
    step: import
    from: ingest
    params: {side: video, file: [gifs.npz, clips.npz, shots.npz], of: [gifs, clips, shots]}
"""


@pytest.fixture
def make(tmp_path: Path, surroundings: Callable[..., Context]) -> Callable[..., Context]:
    """`make(*sets)` runs the import on gifs/v1, gifs/v2, clips/v1 and shot1."""
    for name, split, videos in (
        ("gifs", "train", ["v1", "v2"]),
        ("clips", "train", ["v1"]),
        ("shots", "test", ["shot1"]),
    ):
        (tmp_path / f"{name}.txt").write_text("".join(f"{video}\n" for video in videos))
        (tmp_path / f"{name}.yaml").write_text(f"name: {name}\n{split}: {{ids: {name}.txt}}\n")
    (tmp_path / "all.yaml").write_text("name: both\ntrain: [gifs.yaml, clips.yaml]\ntest: shots.yaml\n")

    def run(*sets: str) -> Context:
        context = surroundings(tmp_path / "all.yaml", sets, GRAPH)
        context.collection, context.name = collection.load(tmp_path / "all.yaml"), "both"
        if wrong := steps.problems(context, ["feat"]):
            raise LaffError("\n".join(wrong))
        steps.module(context.stage("feat")).run(context, stage_plan(context, "feat"))
        return context

    return run


def save(path: Path, **rows: float) -> None:
    np.savez(path, ids=np.array(list(rows)), values=np.array([[value, 0] for value in rows.values()], np.float32))


def test_ids_without_the_names_of_their_collections(make: Callable[..., Context], tmp_path: Path):
    save(tmp_path / "gifs.npz", v2=2, v1=1, v3=7)
    save(tmp_path / "clips.npz", v1=3)
    save(tmp_path / "shots.npz", shot1=4)
    context = make()
    read = shards.read(context.work.folder("feat") / "00000.h5")
    assert dict(zip(read.ids, read.values[:, 0].tolist(), strict=True)) == {
        "gifs/v1": 1,
        "gifs/v2": 2,
        "clips/v1": 3,
        "shot1": 4,
    }


def test_ids_as_they_are_in_the_whole(make: Callable[..., Context], tmp_path: Path):
    save(tmp_path / "all.npz", **{"gifs/v1": 1, "clips/v1": 3, "v1": 9, "shot1": 4})
    context = make("feat.file=all.npz", "feat.of=''")
    read = shards.read(context.work.folder("feat") / "00000.h5")
    assert dict(zip(read.ids, read.values[:, 0].tolist(), strict=True)) == {"gifs/v1": 1, "clips/v1": 3, "shot1": 4}
    lines = [(line["video"], line["reason"]) for line in ledger.read(context.work.ledger)]
    assert lines == [("gifs/v2", "no row in all.npz")]


def test_mistakes(make: Callable[..., Context], tmp_path: Path):
    for name in ("gifs", "clips", "shots"):
        save(tmp_path / f"{name}.npz", v1=1)
    with pytest.raises(LaffError) as error:
        make("feat.of=[gifs, clip, both]")
    assert str(error.value) == ("'feat': of names 'clip', which the collection is not made of; did you mean 'clips'?")
    with pytest.raises(LaffError, match=r"of is .*; it should name a collection for each file, 3"):
        make("feat.of=[gifs, clips]")
