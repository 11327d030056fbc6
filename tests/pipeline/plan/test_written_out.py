"""A graph written out as a stages file makes the same: every recipe is equal, and it needs no profile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from pipeline.errors import LaffError
from pipeline.graph import stages
from pipeline.graph.graph import Graph, Package
from pipeline.graph.stages_file import shipped
from pipeline.plan import written_out
from pipeline.plan.fingerprints import Recipes
from pipeline.store.workspace import Workspace

SETS = {
    "plain": (),
    "changed": ("train.heads=4", "gru.fit.epochs=3", "bow.threshold=3", "x3d.on=cpu", "rank.rescore=[dual-softmax]"),
}


def recipes(graph: Graph, folder: Path) -> dict[str, object]:
    made = Recipes(graph, Workspace(folder / "work"), folder / "collection.yaml")
    return {name: made.of(name) for name in graph.stages}


@pytest.mark.parametrize(("profile", "sets"), [("small", "changed"), (None, "plain")])
def test_it_gives_the_same_recipes(tmp_path: Path, profile: str | None, sets: str) -> None:
    graph = stages.load(shipped(), profile, SETS[sets])
    file = tmp_path / "mine.yaml"
    file.write_text(written_out.stages_file(graph), encoding="utf-8")
    again = stages.load(file)
    assert recipes(again, tmp_path) == recipes(graph, tmp_path)
    assert again.threads == graph.threads
    assert {name: stage.on for name, stage in again.stages.items()} == {
        name: stage.on for name, stage in graph.stages.items()
    }
    assert written_out.stages_file(again) == written_out.stages_file(graph)


def test_files_and_weights_of_ones_own_have_full_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file can be moved: a path in it was meant from the folder of the first."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vectors.txt").write_text("a 1 2\n")
    text = """
weights:
  mine: {uses: extractors.x3d.X3D, path: files/x3d.pt}
stages:
  ingest: {step: ingest}
  decode: {step: decode, from: ingest}
  x3d: {step: extract, uses: extractors.x3d.X3D, from: decode, params: {weights: mine}}
  w2v: {step: extract, uses: extractors.w2v.W2v, from: ingest, params: {vectors: vectors.txt}}
"""
    (tmp_path / "stages.yaml").write_text(text)
    written = yaml.safe_load(written_out.stages_file(stages.load(tmp_path / "stages.yaml")))
    assert written["weights"]["mine"]["path"] == str(tmp_path / "files" / "x3d.pt")
    assert written["stages"]["x3d"]["params"]["weights"] == "mine"
    assert written["stages"]["w2v"]["params"]["vectors"] == str(tmp_path / "vectors.txt")


def test_a_package_is_such_a_file_already(tmp_path: Path) -> None:
    graph = replace(stages.load(shipped()), package=Package(tmp_path, "p", ""))
    with pytest.raises(LaffError, match="is applied as it is; its stages file is"):
        written_out.stages_file(graph)
