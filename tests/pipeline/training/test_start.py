"""Trainings that start from trained weights: what is taken, words of two collections, mistakes, staleness."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from torch import Tensor

from pipeline.build.loaded import read_checkpoint
from pipeline.errors import LaffError
from pipeline.opening import open_context
from pipeline.packing.pack import pack
from pipeline.plan.plan import stage_plan
from pipeline.request import Request
from pipeline.run import run

STAGES = """
threads: 1
stages:
  ingest: {step: ingest}
  full: {step: import, from: ingest, params: {file: full.npz, side: video}}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest, params: {threshold: 1}}
  gru: {step: extract, uses: extractors.gru.Gru, from: [ingest, full], params: {hidden: 6, vector_dim: 4, threshold: 1}}
  train:
    step: train
    uses: fusion.concat.Concat
    from: [full, bow, gru]
    params: {heads: 1, width: 8, seeds: [1], epochs: 2, singles: false, raw: [], joint: [gru]}
  vectors: {step: vectors, from: train}
  rank: {step: rank, from: [train, vectors]}
"""
STILL = "train.lr=1e-30"  # no weight moves, so that what it started from can be seen
VIDEOS = 5


@dataclass
class Place:
    """A collection of features with captions in its own words."""

    folder: Path

    @classmethod
    def make(cls, folder: Path, words: list[str], seed: int, width: int = 5) -> Place:
        folder.mkdir()
        lines = ["name: tiny"]
        names: list[str] = []
        for split in ("train", "val", "test"):
            ids = [f"{split}{n}" for n in range(VIDEOS)]
            names += ids
            (folder / f"{split}.ids").write_text("".join(f"{name}\n" for name in ids))
            texts = [f"{name}#{k} {words[n % len(words)]} {words[k]}\n" for n, name in enumerate(ids) for k in range(2)]
            (folder / f"{split}.txt").write_text("".join(texts))
            lines.append(f"{split}: {{ids: {split}.ids, captions: {split}.txt}}")
        (folder / "collection.yaml").write_text("\n".join(lines) + "\n")
        (folder / "stages.yaml").write_text(STAGES)
        features = np.random.default_rng(seed).normal(size=(len(names), width)).astype("f4")
        np.savez(folder / "full.npz", ids=names, features=features)
        return cls(folder)

    @property
    def work(self) -> Path:
        return self.folder / "WORK"

    def request(self, *sets: str) -> Request:
        return Request(self.folder / "collection.yaml", self.work, self.folder / "stages.yaml", sets=sets)

    def run(self, *sets: str, until: str = "train") -> Any:
        return run(self.request(*sets), [until])

    def best(self, key: str = "concat/seed1", place: str = "train") -> dict[str, Tensor]:
        state: dict[str, Tensor] = read_checkpoint(self.work / place / key / "best.pt")["state"]
        return state

    def words(self) -> list[str]:
        words: list[str] = read_checkpoint(self.work / "bow" / "best.pt")["state"]["words"]
        return words


@pytest.fixture
def first(tmp_path: Path) -> Place:
    place = Place.make(tmp_path / "first", ["cat", "dog", "red", "runs"], 0)
    place.run("train.seeds=[1, 2]")
    return place


@pytest.fixture
def second(tmp_path: Path) -> Place:
    return Place.make(tmp_path / "second", ["dog", "zebra", "runs", "green", "cat"], 1)


BOW, GRU = "text.affine.weight.bow", "encoders.gru.embedding.weight"


def check_words(first: Place, second: Place, place: str = "train") -> None:
    """Rows of shared words are those of the first collection; the others are not; all else is taken as it is."""
    there, here = first.best(), second.best(place=place)
    old, new = first.words(), second.words()
    assert {"cat", "dog", "runs"} == set(old) & set(new)
    for row, word in enumerate(new):
        same = word in old
        assert here[BOW][row].equal(there[BOW][old.index(word)]) if same else True
        assert any(here[BOW][row].equal(other) for other in there[BOW]) == same
    assert here[GRU][:4].equal(there[GRU][:4])  # <pad> <start> <end> <unk>
    assert here["video.affine.weight.full"].equal(there["video.affine.weight.full"])
    assert here["encoders.gru.gru.weight_hh_l0"].equal(there["encoders.gru.gru.weight_hh_l0"])


@pytest.mark.parametrize("kind", ["workspace", "package", "file", "folder of the train stage", "run of its own"])
def test_words_are_matched_by_the_word(
    first: Place, second: Place, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {
        "workspace": first.work,
        "package": tmp_path / "OUT",
        "file": first.work / "train" / "concat" / "seed1" / "best.pt",
        "folder of the train stage": first.work / "train",
        "run of its own": first.work / "runs" / "alone",
    }[kind]
    if kind == "run of its own":  # it has the features of the workspace
        shutil.copytree(first.work / "train", given / "train")
    if kind == "package":
        pack(first.request("train.seeds=[1, 2]"), given, ["concat/seed1"])
        shutil.move(first.work / "ingest", first.folder / "gone")  # the package has all that it takes
    second.run(f"train.init={given}", STILL)
    check_words(first, second)
    said = capsys.readouterr().err
    assert "8 weights taken, 7 of 9 words of gru, 3 of 5 words of bow" in said


def test_each_seed_starts_from_its_own(first: Place, second: Place, tmp_path: Path) -> None:
    second.run(f"train.init={first.work}", STILL, "train.seeds=[1, 2]")
    name = "video.affine.weight.full"
    for seed in (1, 2):
        assert second.best(f"concat/seed{seed}")[name].equal(first.best(f"concat/seed{seed}")[name])
    with pytest.raises(LaffError, match="has it with seeds 1, 2 and not with 3; train with those"):
        second.run(f"train.init={first.work}", "train.seeds=[3]")
    pack(first.request("train.seeds=[1, 2]"), tmp_path / "OUT", ["concat/seed2"])
    second.run(f"train.init={tmp_path / 'OUT'}", STILL, "train.seeds=[1, 2]")  # one seed is for all
    (named,) = {path.name for path in (second.work / "runs").iterdir()} - {"main"}
    for seed in (1, 2):
        assert second.best(f"concat/seed{seed}", f"runs/{named}/train")[name].equal(first.best("concat/seed2")[name])


def test_its_content_counts_and_not_its_place(
    first: Place, second: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "start.pt"
    shutil.copy(first.work / "train" / "concat" / "seed1" / "best.pt", file)
    pair = ("train.from=[full, gru]", "train.joint=[]")  # without words, which a file alone does not tell
    first.run(*pair, "train.seeds=[1, 2]")
    named = first.work / "runs" / "without-gru-without-bow"
    shutil.copy(named / "train" / "concat" / "seed1" / "best.pt", file)
    second.run(f"train.init={file}", *pair, until="rank")
    assert "init" not in str(open_context(second.request(*pair)).recipe("train")["params"])

    def state(stage: str, init: Path = file) -> Any:
        return stage_plan(open_context(second.request(f"train.init={init}", *pair)), stage)

    assert not state("rank").todo
    moved = tmp_path / "moved.pt"
    shutil.copy(file, moved)
    capsys.readouterr()
    second.run(f"train.init={moved}", *pair)  # a run of its own, which takes the training that there is
    assert "starts from" not in capsys.readouterr().err
    shutil.copy(named / "train" / "concat" / "seed2" / "best.pt", file)
    for stage in ("train", "vectors", "rank"):
        assert [unit.key.split("/")[1] for unit in state(stage).todo] == ["seed1"], stage
    assert state("train").reasons == ["the train or val split changed, or what init names"]


def test_without_it_nothing_is_new(first: Place) -> None:
    """A recipe has no word of options that older trainings do not know, where they have their default."""
    recipe = open_context(first.request()).recipe("train")
    assert {"best", "average", "init", "joint_rates"}.isdisjoint(recipe["params"])
    assert "epochs" in recipe["params"]
    changed = open_context(first.request("train.best=r1", "train.average=2")).recipe("train")
    assert (changed["params"]["best"], changed["params"]["average"]) == ("r1", 2)


def test_one_model_may_have_another_start(first: Place, second: Place) -> None:
    entry = f"{{uses: fusion.concat.Concat, options: {{init: {first.work / 'train' / 'concat' / 'seed2'}}}}}"
    fresh = "{uses: fusion.concat.Concat, options: {init: ''}}"
    second.run(f"train.init={first.work}", STILL, f"train.baselines={{two: {entry}, fresh: {fresh}}}")
    name = "video.affine.weight.full"
    assert second.best("two/seed1")[name].equal(first.best("concat/seed2")[name])
    assert second.best("concat/seed1")[name].equal(first.best("concat/seed1")[name])
    assert not second.best("fresh/seed1")[name].equal(first.best("concat/seed1")[name])


def test_a_package_of_it_needs_nothing_of_what_it_started_from(first: Place, second: Place, tmp_path: Path) -> None:
    second.run(f"train.init={first.work}")
    pack(second.request(f"train.init={first.work}"), tmp_path / "OUT")
    written = yaml.safe_load((tmp_path / "OUT" / "stages.yaml").read_text())
    assert "init" not in written["stages"]["train"]["params"]
    assert str(first.folder) not in (tmp_path / "OUT" / "stages.yaml").read_text()


def test_mistakes_before_anything_is_trained(first: Place, second: Place, tmp_path: Path) -> None:
    def message(*sets: str) -> str:
        with pytest.raises(LaffError) as error:
            second.run(*sets)
        return str(error.value)

    assert f"init of concat: no such file or folder: {tmp_path / 'none'}" in message(f"train.init={tmp_path / 'none'}")
    (tmp_path / "empty").mkdir()
    assert "holds no trained model; give a best.pt, a workspace" in message(f"train.init={tmp_path / 'empty'}")
    mine = "train.baselines={mine: fusion.concat.Concat}"
    assert "has no model 'mine' (it has concat); `options:" in message(f"train.init={first.work}", mine)
    other = message(f"train.init={first.work / 'train/concat/seed1/best.pt'}", "train.uses=fusion.laff.LAFF")
    assert "holds another model: of " in other
    (tmp_path / "text.pt").write_text("no checkpoint")
    assert "text.pt: not a checkpoint of laff (" in message(f"train.init={tmp_path / 'text.pt'}")
    assert not (second.work / "train").exists()


def test_mistakes_that_shapes_tell(first: Place, second: Place, tmp_path: Path) -> None:
    with pytest.raises(LaffError, match=r"text.affine.bias is \[8\] there and \[16\] here; give this model the params"):
        second.run(f"train.init={first.work}", "train.width=16")
    lone = tmp_path / "lone.pt"
    shutil.copy(first.work / "train" / "concat" / "seed1" / "best.pt", lone)
    with pytest.raises(LaffError, match="'bow' has 4 words there and 5 here, and which those are there is not known"):
        second.run(f"train.init={lone}")
    wide = Place.make(tmp_path / "wide", ["dog", "cat"], 1, width=7)
    with pytest.raises(LaffError, match=r"'full' has another width there: .*full is \[5, 8\] there and \[7, 8\] here"):
        wide.run(f"train.init={first.work}")


def test_what_it_started_from_may_go(first: Place, second: Place) -> None:
    """What was trained stays valid; another training that needs it says that it is gone."""
    init = f"train.init={first.work}"
    second.run(init, until="rank")
    shutil.move(first.work, first.folder / "gone")
    assert not stage_plan(open_context(second.request(init)), "train").todo
    assert not second.run(init, until="rank").made
    with pytest.raises(LaffError, match="init of concat: no such file or folder"):
        second.run(init, "train.epochs=3")


def test_a_damaged_package_is_no_start(first: Place, second: Place, tmp_path: Path) -> None:
    pack(first.request("train.seeds=[1, 2]"), tmp_path / "OUT", ["concat/seed1"])
    shutil.copy(first.work / "train" / "concat" / "seed2" / "best.pt", tmp_path / "OUT" / "train" / "concat" / "seed1")
    with pytest.raises(LaffError, match="has changed since the package was made"):
        second.run(f"train.init={tmp_path / 'OUT'}")
