"""laff package: what it holds, that it gives the same vectors elsewhere, and what stands in its way."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
import yaml

from pipeline.errors import LaffError
from pipeline.package.manifest import CARD, NAME
from pipeline.packing import pack as packing
from pipeline.rows import shards
from pipeline.run import run
from pipeline.search.library import Library
from tests.pipeline import kept
from tests.pipeline.kept import Small

JOINT = """
threads: 1
stages:
  ingest: {step: ingest, params: {shard_videos: 8}}
  one: {step: import, from: ingest, params: {file: one.npz, side: video}}
  other: {step: import, from: ingest, params: {file: other.npz, side: video}}
  w2v: {step: extract, uses: extractors.w2v.W2v, from: ingest, params: {vectors: words.txt}}
  gru: {step: extract, uses: extractors.gru.Gru, from: [ingest, w2v], params: {hidden: 6, threshold: 1, vector_dim: 3}}
  train:
    step: train
    uses: fusion.laff.LAFF
    from: [one, other, w2v, gru]
    params: {heads: 2, width: 16, raw: [], epochs: 2, seeds: [1, 2], singles: true, joint: [gru]}
  vectors: {step: vectors, from: train}
  rank: {step: rank, from: [train, vectors]}
"""


def values(work: Path, key: str) -> dict[str, bytes]:
    """Kept vectors of a model by video, with shares where there are some, as bytes."""
    found = {}
    for path in sorted((work / "vectors" / key).glob("*.h5")):
        with h5py.File(path) as file:
            columns = [file[name][:] for name in ("values", "shares") if name in file]
        found |= {
            id_: b"".join(column[row].tobytes() for column in columns) for row, id_ in enumerate(shards.read_ids(path))
        }
    return found


def found_by(library: Library) -> list[tuple[str, float]]:
    """What it finds, scores to six digits: they are sums over a shard, and shards differ."""
    return [(hit.video, round(hit.score, 6)) for hit in library.search("a red zebra moves left", 5)]


def content(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((out / NAME).read_text())
    return found


def test_it_holds_what_it_says_and_nothing_else(small: Small, tmp_path: Path) -> None:
    out = small.pack(tmp_path / "OUT")
    files = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert files == {NAME, CARD, "stages.yaml", "learned/bow/best.pt", "train/laff/seed1/best.pt"}
    said = content(out)
    assert files - {NAME, CARD} == set(said["files"])
    assert (out / "train/laff/seed1/best.pt").read_bytes() == (small.work / "train/laff/seed1/best.pt").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["OUT"]
    assert str(small.folder) not in "".join((out / name).read_text() for name in (NAME, CARD, "stages.yaml"))


def test_its_card_says_what_it_learned_from_and_how_good_it_was(small: Small, tmp_path: Path) -> None:
    """Of the packaged seed alone: metrics.json has the mean of both."""
    out = small.pack(tmp_path / "OUT", "laff/seed2")
    said, context = content(out), small.context()
    splits = said["learned_from"]["splits"]
    assert {name: (of["videos"], of["captions"]) for name, of in splits.items()} == {
        name: (count, count) for name, count in kept.SIZES.items()
    }
    assert splits["train"]["digest"] == context.catalog.split_content("train")
    home = json.loads((small.work / "evaluate" / "metrics.json").read_text())["models"]["laff"]["t2v"]["MRR"]["seeds"]
    assert said["metrics"]["models"]["laff"]["t2v"]["MRR"] == round(home[1], 4) != round(home[0], 4)
    assert said["needs"]["imported"] == ["one", "other"]
    card = (out / CARD).read_text()
    assert f"| train | 24 | 24 | {splits['train']['digest'][:16]} |" in card
    assert "`--set one.file=FILE`" in card


def test_vectors_elsewhere_are_those_at_home(small: Small, tmp_path: Path) -> None:
    """In other shards, from a copy of the package, without home; of both models, one with its second seed."""
    out = small.pack(tmp_path / "OUT", "laff", "concat/seed2")
    home = small.copy(tmp_path / "home")
    home.run(sets=("vectors.models=[laff, concat/seed2]",))
    shutil.copytree(out, tmp_path / "there")
    shutil.rmtree(out)
    away = tmp_path / "away"
    run(small.applied(tmp_path / "there", away, "ingest.shard_videos=5"), ())
    for key in ("laff/seed1", "concat/seed2"):
        assert values(away, key) == values(home.work, key)
    assert len(values(away, "laff/seed1")) == sum(kept.SIZES.values()) - 1
    assert (away / "evaluate" / "metrics.json").is_file()
    library = Library.open(away, ["concat"])
    assert found_by(library) == found_by(Library(home.request(), ["concat/seed2"]))


def test_another_package_makes_what_it_made_anew(small: Small, tmp_path: Path) -> None:
    """The same recipe with another training: vectors and runs, not the bags of words, which are equal."""
    first, second = small.pack(tmp_path / "1", "laff/seed1"), small.pack(tmp_path / "2", "laff/seed2")
    away = tmp_path / "away"
    run(small.applied(first, away, "train.on=cpu"), ())
    assert run(small.applied(first, away), ()).made == {}
    assert set(run(small.applied(second, away), ()).made) == {"vectors", "rank", "evaluate", "report"}


def test_a_collection_without_captions(small: Small, tmp_path: Path) -> None:
    """Vectors and nothing else are made, and they are searched; queries make runs and no metrics."""
    out = small.pack(tmp_path / "OUT")
    elsewhere = small.copy(tmp_path / "elsewhere")
    shutil.rmtree(elsewhere.work)
    (elsewhere.folder / "c.yaml").write_text("name: bare\ntest: {ids: test.ids}\n")
    outcome = run(elsewhere.applied(out, elsewhere.work), ())
    assert set(outcome.made) == {"ingest", "one", "other", "vectors"}
    hits = Library.open(elsewhere.work).search("red circle", 3)
    assert len(hits) == 3
    (elsewhere.folder / "topics.txt").write_text("t1 red circle\n")
    (elsewhere.folder / "c.yaml").write_text("name: bare\ntest: {ids: test.ids, queries: topics.txt}\n")
    assert set(run(elsewhere.applied(out, elsewhere.work), ()).made) == {"ingest", "bow", "rank"}
    with pytest.raises(LaffError, match="no captions of test"):
        run(elsewhere.applied(out, elsewhere.work), ("evaluate",))


@pytest.fixture(scope="module")
def joint(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """A GRU inside the model, word vectors of a file, a model on each feature alone; everything run."""
    made = kept.make(tmp_path_factory.mktemp("joint"))
    (made.folder / "stages.yaml").write_text(JOINT)
    rng = np.random.default_rng(1)
    lines = [f"{word} {' '.join(f'{value:.3f}' for value in rng.normal(size=3))}" for word in (*kept.WORDS, "zebra")]
    (made.folder / "words.txt").write_text(f"{len(lines)} 3\n" + "\n".join(lines) + "\n")
    made.run()
    return made


@pytest.mark.parametrize("model", ["laff", "laff-one/seed2"])
def test_an_encoder_inside_the_model_and_a_file_of_word_vectors(joint: Small, tmp_path: Path, model: str) -> None:
    out = joint.pack(tmp_path / "OUT", model, weights=True)
    said = content(out)
    assert said["words"] == {"gru": "learned/gru/words.json"}
    assert "files/w2v/vectors/words.txt" in said["files"]
    away, key = tmp_path / "away", model if "/" in model else f"{model}/seed1"
    (tmp_path / "c.yaml").write_text((joint.folder / "c.yaml").read_text())
    outcome = run(joint.applied(out, away), ("rank",))
    assert "rank" in outcome.made
    if model == "laff":
        assert values(away, key) == values(joint.work, key)
    assert found_by(Library.open(away)) == found_by(Library(joint.request(), [model]))  # zebra: in the file alone


def test_a_file_that_it_does_not_hold_is_asked_for_and_checked(joint: Small, tmp_path: Path) -> None:
    out, away = joint.pack(tmp_path / "OUT"), tmp_path / "away"
    with pytest.raises(LaffError, match=r"'w2v' reads words.txt, which the package does not hold.*--set w2v.vectors"):
        run(joint.applied(out, away), ())
    other = tmp_path / "other.txt"
    other.write_text((joint.folder / "words.txt").read_text().replace("zebra", "horse"))
    with pytest.raises(LaffError, match=r"'w2v': vectors is .*, which is another file than the package was made with"):
        run(joint.applied(out, away, f"w2v.vectors={other}"), ())
    assert "vectors" in run(joint.applied(out, away, f"w2v.vectors={joint.folder / 'words.txt'}"), ()).made


def test_what_stands_in_the_way_of_a_package(small: Small, tmp_path: Path) -> None:
    untrained = kept.make(tmp_path)
    with pytest.raises(LaffError, match="no such workspace"):
        untrained.pack(tmp_path / "OUT")
    untrained.run("one")
    with pytest.raises(LaffError, match=r"train laff/seed1 is not trained here; `laff run -w .*` does it"):
        untrained.pack(tmp_path / "OUT")
    with pytest.raises(LaffError, match="no model 'lafff'; did you mean 'laff'"):
        small.pack(tmp_path / "OUT", "lafff")
    with pytest.raises(LaffError, match=r"lies in the workspace"):
        small.pack(small.work / "OUT")
    assert not (tmp_path / "OUT").exists()


def test_a_model_that_is_not_up_to_date(small: Small, tmp_path: Path) -> None:
    changed = small.copy(tmp_path / "changed")
    (changed.folder / "train.txt").write_text((changed.folder / "train.txt").read_text().replace("red", "blue"))
    with pytest.raises(LaffError, match="train laff/seed1 is not up to date"):
        changed.pack(tmp_path / "OUT")


def test_only_a_package_is_replaced_and_only_when_asked(small: Small, tmp_path: Path) -> None:
    out = tmp_path / "OUT"
    out.mkdir()
    small.pack(out)  # an empty folder is free
    with pytest.raises(LaffError, match="is a package already; --yes replaces it"):
        small.pack(out)
    small.pack(out, "concat", again=True)
    assert content(out)["models"] == ["concat/seed1"]
    (out / "work").mkdir()
    (out / "work" / "run.yaml").write_text("x")
    with pytest.raises(LaffError, match=r"is a package, and also holds work/run.yaml"):
        small.pack(out, again=True)
    assert (out / "work" / "run.yaml").is_file()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x")
    with pytest.raises(LaffError, match="is not empty, and no package"):
        small.pack(tmp_path / "mine", again=True)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_what_fails_leaves_the_old_package(small: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = small.pack(tmp_path / "OUT")
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}

    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(packing.card, "readme", full)
    with pytest.raises(OSError, match="No space left"):
        small.pack(out, "concat", again=True)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["OUT"]


def test_what_was_learned_is_read_without_running_code(small: Small, tmp_path: Path) -> None:
    for path in small.pack(tmp_path / "OUT").rglob("*.pt"):
        assert torch.load(path, weights_only=True)["state"]
