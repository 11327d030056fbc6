"""Collections of any shape through the real graph: videos alone, topics without answers, silent candidates."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import LaffError
from pipeline.rows import shards
from pipeline.run import run
from pipeline.search.answer import search
from tests.conftest import Tiny

SETS = ("train.from=[x3d, bow]", "train.seeds=[1]", "train.singles=false", "train.epochs=1", "rank.pairs={}")
QUICK = ("ingest.shard_videos=8", "x3d.crop=32", "x3d.frames=4", "train.heads=2", "train.width=64", "train.batch=16")


def with_yaml(tiny: Tiny, folder: Path, yaml: str, **files: str) -> Tiny:
    """A copy of the collection, nothing run, with another collection.yaml and further files beside it."""
    changed = replace(tiny.copy(folder, work=False), sets=(*QUICK, *SETS))
    for name, text in files.items():
        (changed.collection.parent / name).write_text(text, encoding="utf-8")
    changed.collection.write_text(yaml, encoding="utf-8")
    return changed


def test_videos_alone(tiny: Tiny, tmp_path: Path) -> None:
    """With subfolders and names of any letters: what sees videos runs, what learns says what it lacks."""
    changed = with_yaml(tiny, tmp_path / "only", "videos: videos\n")
    videos = sorted(changed.videos.iterdir())
    odd = changed.videos / "day 1" / "Été 100% #3.mp4"
    odd.parent.mkdir()
    videos[0].rename(odd)
    for video in videos[3:]:
        video.unlink()
    outcome = changed.run(targets=("x3d",))
    assert (outcome.made, outcome.lost) == ({"ingest": 1, "decode": 1, "x3d": 1}, 0)
    assert shards.read(changed.work / "x3d" / "00000.h5").ids == ["day 1/Été 100% #3", videos[1].stem, videos[2].stem]
    assert not changed.run(targets=("x3d",)).made
    with pytest.raises(LaffError, match=r"no captions of train .*, which `laff bow`, `laff train` need"):
        changed.run(targets=("train",))


def test_topics_without_answers_and_a_val_that_is_test(tiny: Tiny, tmp_path: Path) -> None:
    """All candidates rank, described or not; a topic has a run of all of them; the report says what is unusual."""
    folder = tiny.collection.parent
    lines = (folder / "test.caption.txt").read_text().splitlines(keepends=True)
    first = lines[0].partition("#")[0]
    few = [line for line in lines if line.startswith(f"{first}#")]
    changed = with_yaml(
        tiny,
        tmp_path / "topics",
        "protocol: demo/few\nvideos: videos\n"
        "train: {ids: train.txt, captions: train.caption.txt}\nval: test\n"
        "test: {ids: test.txt, captions: few.txt, queries: topics.txt}\n",
        **{"few.txt": "".join(few), "topics.txt": "my%20topic a red circle\n2 a blue square\n"},
    )
    outcome = changed.run()
    with gzip.open(changed.work / "rank" / "laff" / "seed1" / "t2v.trec.gz", "rt") as file:
        hits = Counter(line.split()[0] for line in file)
    assert hits == {**{line.split()[0]: 6 for line in few}, "my%20topic": 6, "2": 6}
    metrics = json.loads((changed.work / "evaluate" / "metrics.json").read_text())
    assert metrics["protocol"].startswith("demo/few; ")
    assert (
        metrics["protocol"].split("; ")[2:]
        == metrics["unusual"]
        == [
            "5 of the 6 candidates have no caption",
            "val is test: the best epoch was chosen by these very queries",
        ]
    )
    row = metrics["models"]["laff"]
    assert (row["t2v"]["queries"], row["t2v"]["candidates"]) == (len(few), 6)
    assert (row["v2t"]["queries"], row["v2t"]["candidates"]) == (1, len(few))
    assert metrics["models"]["chance"]["t2v"]["R@1"]["mean"] == pytest.approx(100 / 6)
    assert metrics["splits"]["val"] == metrics["splits"]["test"]
    assert "val is test: the best epoch was chosen by these very queries" in outcome.summary(changed.work)
    assert "val is test" in (changed.work / "report" / "index.html").read_text()
    assert len(search(changed.request(), "a red circle", 100, "all")) == 12 + 6  # each video once
    # Another topic costs its shard and the runs; nothing is trained.
    with (changed.collection.parent / "topics.txt").open("a") as file:
        file.write("last a blue square\n")
    assert run(changed.request(), ["rank"]).made == {"ingest": 1, "bow": 1, "rank": 2}
