"""Two collections to learn from, through the real graph: as good as one that lists the same videos, and as lasting."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.rows import shards
from tests.conftest import Tiny

SETS = (
    *("train.from=[x3d, bow]", "train.seeds=[1]", "train.singles=false", "train.epochs=1", "rank.pairs={}"),
    *("ingest.shard_videos=5", "x3d.crop=32", "x3d.frames=4", "train.heads=2", "train.width=64", "train.batch=16"),
)


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines(keepends=True)


def write(tiny: Tiny, name: str, split: str, videos: list[str], ids: dict[str, str]) -> None:
    """A collection of some of a split's videos under other ids: a table, a list and captions, in a folder."""
    here = tiny.collection.parent
    files = {path.stem: path for path in tiny.videos.iterdir()}
    folder = here / name
    folder.mkdir()
    (folder / "videos.csv").write_text("video,path\n" + "".join(f"{ids[v]},{files[v]}\n" for v in videos))
    (folder / "ids.txt").write_text("".join(f"{ids[v]}\n" for v in videos))
    captions = [line.partition("#") for line in lines(here / f"{split}.caption.txt")]
    texts = [f"{ids[video]}#{rest}" for member in videos for video, _, rest in captions if video == member]
    (folder / "captions.txt").write_text("".join(texts), encoding="utf-8")
    (folder / "collection.yaml").write_text(
        f"name: {name}\nvideos: videos.csv\n{split}: {{ids: ids.txt, captions: captions.txt}}\n"
    )


def test_two_collections_are_as_one(tiny: Tiny, tmp_path: Path) -> None:
    """Ids are the same in both, figures those of one list with the videos of both; a new video makes a shard more."""
    several = replace(tiny.copy(tmp_path / "several", work=False), sets=SETS)
    here = several.collection.parent
    sizes = {"train": 9, "val": 4, "test": 4}
    by_split = {split: [line.strip() for line in lines(here / f"{split}.txt")][:size] for split, size in sizes.items()}
    train, last = by_split["train"][:-1], by_split["train"][-1]
    half = len(train) // 2
    numbered = {video: f"v{number}" for part in (train[:half], train[half:]) for number, video in enumerate(part)} | {
        last: "new"
    }
    same = {video: video for videos in by_split.values() for video in videos}
    write(several, "one", "train", train[:half], numbered)
    write(several, "two", "train", train[half:], numbered)
    write(several, "three", "val", by_split["val"], same)
    write(several, "four", "test", by_split["test"], same)
    several.collection.write_text(
        "name: several\ntrain: [one/collection.yaml, two/collection.yaml]\n"
        "val: three/collection.yaml\ntest: four/collection.yaml\n"
    )
    single = replace(tiny.copy(tmp_path / "single", work=False), sets=SETS)
    for split, videos in (by_split | {"train": train}).items():
        (single.collection.parent / f"{split}.txt").write_text("".join(f"{video}\n" for video in videos))
        captions = [line for line in lines(here / f"{split}.caption.txt") if line.partition("#")[0] in videos]
        captions.sort(key=lambda line, of=videos: of.index(line.partition("#")[0]))
        (single.collection.parent / f"{split}.caption.txt").write_text("".join(captions), encoding="utf-8")

    several.run()
    single.run()
    metrics = [json.loads((one.work / "evaluate" / "metrics.json").read_text()) for one in (several, single)]
    assert metrics[0]["models"] == metrics[1]["models"]
    assert metrics[0]["splits"]["train"] == metrics[1]["splits"]["train"]
    files = sorted((several.work / "x3d").glob("*.h5"))
    values = [
        np.concatenate([shards.read(one.work / "x3d" / path.name).values for path in files])
        for one in (several, single)
    ]
    np.testing.assert_array_equal(values[0], values[1])
    assert shards.read(files[0]).ids[0] == "one/v0"
    assert not several.run().made

    for name, text in (
        ("videos.csv", f"new,{next(path for path in several.videos.iterdir() if path.stem == last)}\n"),
        ("ids.txt", "new\n"),
        ("captions.txt", "new#0 a circle\n"),
    ):
        with (here / "two" / name).open("a", encoding="utf-8") as file:
            file.write(text)
    made = several.run(targets=("x3d",)).made
    assert made == {"ingest": 1, "decode": 1, "x3d": 1}
    assert shards.read(several.work / "x3d" / f"{len(files):05}.h5").ids == ["two/new"]
