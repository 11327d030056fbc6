"""Features of others: a bad row costs its video, all of them told at once; several files may hold one feature."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import LaffError
from pipeline.plan import steps
from pipeline.plan.plan import stage_plan
from pipeline.rows import reading, shards
from pipeline.steps import import_
from pipeline.store import ledger

GRAPH = """
stages:
  ingest: {step: ingest, params: {shard_videos: 2, shard_captions: 4}}
  feat: {step: import, from: ingest, params: {file: f.npz, side: video}}
"""
VIDEOS = ["a", "b", "c", "val0", "test0"]


@pytest.fixture
def make(collect: Callable[..., Path], surroundings: Callable) -> Callable[..., list[dict[str, str]]]:
    """`make(*sets)` runs the import on videos a, b, c, val0, test0; returns the ledger without times."""

    def run(*sets: str) -> list[dict[str, str]]:
        path = collect(train={"a": ["one"], "b": ["two"], "c": ["three"]})
        path.write_text(path.read_text().replace("videos: videos\n", ""))
        context = surroundings(path, sets, GRAPH)
        stage = context.stage("feat")
        if wrong := steps.problems(context, ["feat"]):
            raise LaffError("\n".join(wrong))
        steps.module(stage).run(context, stage_plan(context, "feat"))
        return [{key: line[key] for key in ("video", "reason")} for line in ledger.read(context.work.ledger)]

    return run


def values(count: int) -> np.ndarray:
    return np.arange(count * 4, dtype=np.float32).reshape(count, 4)


def test_bad_rows_cost_their_videos(make: Callable[..., list[dict[str, str]]], tmp_path: Path):
    features = values(4)
    features[1, 0], features[2, :3] = np.nan, np.inf
    np.savez(tmp_path / "f.npz", ids=np.array(VIDEOS[:4]), values=features)
    odd = "its row in f.npz is not usable: {} of the 4 values are NaN, inf or too large for float32"
    assert make() == [
        {"video": "b", "reason": odd.format(1)},
        {"video": "c", "reason": odd.format(3)},
        {"video": "test0", "reason": "no row in f.npz"},
    ]
    written = [shards.read(tmp_path / "WORK" / "feat" / f"0000{number}.h5") for number in range(3)]
    assert [shard.ids for shard in written] == [["a"], ["val0"], []]
    np.testing.assert_array_equal(written[1].values, features[3:])
    members = [shards.read_members(tmp_path / "WORK" / "feat" / f"0000{number}.h5") for number in range(3)]
    assert members == [["a", "b"], ["c", "val0"], ["test0"]]


def test_several_files(make: Callable[..., list[dict[str, str]]], tmp_path: Path):
    """One a split, in any order; the plan follows what is in each."""
    np.savez(tmp_path / "train.npz", ids=np.array(["c", "a", "b"]), values=values(3))
    np.savez(tmp_path / "rest.npz", ids=np.array(["test0", "val0"]), values=values(2) + 100)
    assert make("feat.file=[train.npz, rest.npz]") == []
    read = [shards.read(tmp_path / "WORK" / "feat" / f"0000{number}.h5") for number in range(3)]
    assert [row[0] for shard in read for row in shard.values.tolist()] == [4, 8, 0, 104, 100]
    assert read[0].attributes["source"] == "train.npz, rest.npz"
    with pytest.raises(LaffError, match=r"^'feat': no such file: .*gone.npz$"):
        make("feat.file=[train.npz, gone.npz]")


def test_a_bad_row_of_several_files_is_told_with_its_own(make: Callable[..., list[dict[str, str]]], tmp_path: Path):
    features = values(2)
    features[1, 0] = np.nan
    np.savez(tmp_path / "one.npz", ids=np.array(["c", "a"]), values=values(2))
    np.savez(tmp_path / "two.npz", ids=np.array(["val0", "test0"]), values=features)
    odd = "its row in two.npz is not usable: 1 of the 4 values are NaN, inf or too large for float32"
    assert make("feat.file=[one.npz, two.npz]") == [
        {"video": "b", "reason": "no row in one.npz, two.npz"},
        {"video": "test0", "reason": odd},
    ]


def test_files_of_one_name_are_told_with_their_folders(make: Callable[..., list[dict[str, str]]], tmp_path: Path):
    """As the BigFiles of splits are, which are all called like the feature."""
    features = values(2)
    features[1, 0] = np.inf
    for split, ids, rows in (("train", ["a", "b", "c"], values(3)), ("rest", ["val0", "test0"], features)):
        folder = tmp_path / split / "FeatureData"
        folder.mkdir(parents=True)
        np.savez(folder / "f.npz", ids=np.array(ids), values=rows)
    made = make("feat.file=[train/FeatureData/f.npz, rest/FeatureData/f.npz]")
    odd = "its row in rest/FeatureData/f.npz is not usable: 1 of the 4 values are NaN, inf or too large for float32"
    assert made == [{"video": "test0", "reason": odd}]


def test_a_pipe_is_no_file_of_features(make: Callable[..., list[dict[str, str]]], tmp_path: Path):
    """To open one waits until somebody writes."""
    os.mkfifo(tmp_path / "f.npz")
    with pytest.raises(LaffError, match=r"^'feat': .*f\.npz is not a regular file \(a pipe, socket or device\); feat"):
        make()
    with pytest.raises(LaffError, match=r"f\.npz: is not a regular file"):
        reading.ids_of(tmp_path / "f.npz")


def test_each_of_several_files_counts_in_the_fingerprint(
    collect: Callable[..., Path], surroundings: Callable, tmp_path: Path
):
    np.savez(tmp_path / "train.npz", ids=np.array(["a"]), values=values(1))
    np.savez(tmp_path / "rest.npz", ids=np.array(["b"]), values=values(1))
    path, sets = collect(), ["feat.file=[train.npz, rest.npz]"]
    before = surroundings(path, sets, GRAPH).fingerprint("feat")
    np.savez(tmp_path / "rest.npz", ids=np.array(["bb"]), values=values(1))
    assert surroundings(path, sets, GRAPH).fingerprint("feat") != before


@pytest.mark.parametrize("sets", ["feat.file=[]", "feat.file=[f.npz, f.npz]", "feat.file="])
def test_files_that_cannot_be(collect: Callable[..., Path], surroundings: Callable, sets: str):
    context = surroundings(collect(), [sets.replace("file=", "file=''") if sets.endswith("=") else sets], GRAPH)
    assert "it should name a file or a BigFile folder" in steps.refused(context.stage("feat"))


def test_captions_cannot_be_lost_so_all_are_told(make: Callable[..., list[dict[str, str]]], tmp_path: Path):
    features = values(4)
    features[0, 0] = np.nan
    np.savez(tmp_path / "f.npz", ids=np.array(["a#0", "b#0", "val0#0", "test0#0"]), values=features)
    with pytest.raises(LaffError) as error:
        make("feat.side=text")
    lines = str(error.value).splitlines()
    assert lines[0] == "'feat': 2 problems"
    assert lines[1].startswith("  - a#0: its row in ")
    assert lines[2].startswith("  - c#0: no row in ")
    assert lines[3].startswith("captions cannot be left out: extract the feature anew")


@pytest.mark.parametrize("at_once", [1, 40, 1 << 30])
@pytest.mark.parametrize("side", ["video", "text"])
def test_shards_are_read_in_parts_where_all_are_too_many(
    make: Callable[..., list[dict[str, str]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, side: str, at_once: int
):
    """A shard at a time, two together, or all: the same rows and reasons."""
    monkeypatch.setattr(import_, "AT_ONCE", at_once)
    names = VIDEOS if side == "video" else [f"{video}#0" for video in VIDEOS]
    features = values(5)
    features[3, 1] = np.inf
    np.savez(tmp_path / "f.npz", ids=np.array(names), values=features)
    odd = "its row in f.npz is not usable: 1 of the 4 values are NaN, inf or too large for float32"
    if side == "text":
        with pytest.raises(LaffError, match=r"1 problem\n  - val0#0: its row in .* is not usable"):
            make("feat.side=text", "ingest.shard_captions=2")
        assert not (tmp_path / "WORK" / "feat" / "00000.h5").exists()
        return
    assert make() == [{"video": "val0", "reason": odd}]
    read = [shards.read(tmp_path / "WORK" / "feat" / f"0000{number}.h5") for number in range(3)]
    assert [shard.ids for shard in read] == [["a", "b"], ["c"], ["test0"]]
    assert [row[0] for shard in read for row in shard.values.tolist()] == [0, 4, 8, 16]


def test_a_file_of_other_items(make: Callable[..., list[dict[str, str]]], tmp_path: Path):
    np.savez(tmp_path / "f.npz", ids=np.array(["video7.mp4", "video8.mp4"]), values=values(2))
    with pytest.raises(LaffError, match=r"a row for none of the 5 ids, such as 'a'; its own are such as 'video7.mp4'"):
        make()
