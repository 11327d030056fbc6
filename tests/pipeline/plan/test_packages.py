"""Packages that are not installed here: which stages need them, what is told, and settings that do without."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import LaffError
from pipeline.graph import stages
from pipeline.graph.graph import Graph
from pipeline.plan import packages
from pipeline.plan.context import Context
from pipeline.plan.plan import stage_plan
from pipeline.readiness import check_work
from tests.hiding import Without

SHIPPED = Path(__file__).resolve().parents[3] / "stages.yaml"


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`without("gensim")`: these modules are not to be found."""

    def hide(*modules: str) -> None:
        finder = Without(packages, modules)
        monkeypatch.setattr(packages, "find_spec", lambda name: None if name in modules else finder)

    return hide


def shipped(*sets: str) -> Graph:
    return stages.load(SHIPPED, "small", sets)


def test_the_stages_that_need_a_package(without: Callable[..., None]) -> None:
    graph = shipped()
    assert packages.lacking(graph, graph.stages) == {} or "pytorchvideo" in packages.lacking(graph, graph.stages)
    without("pytorchvideo", "gensim")
    assert packages.lacking(graph, graph.needed(["report"])) == {"pytorchvideo": ["x3d", "ircsn"], "gensim": ["w2v"]}
    assert packages.lacking(graph, ["tf", "clip-ft", "train"]) == {}


def test_word_vectors_of_a_file_need_no_gensim(without: Callable[..., None], tmp_path: Path) -> None:
    without("gensim")
    (tmp_path / "vectors.txt").write_text("1 2\na 1 0\n")
    assert packages.lacking(shipped(f"w2v.vectors={tmp_path / 'vectors.txt'}"), ["w2v"]) == {}


def test_settings_without_them_drop_what_is_made_from_them_too() -> None:
    graph = shipped()
    settings, dropped = packages.leaving_out(graph, ["x3d", "ircsn"], graph.stages)
    assert (settings, dropped) == (["train.from=[clip-ft, tf, bow, w2v, gru]"], ["x3d", "ircsn"])
    assert shipped(*settings).features("train") == (["clip-ft", "tf"], ["clip-ft", "bow", "w2v", "gru"])
    settings, dropped = packages.leaving_out(graph, ["w2v"], graph.stages)
    assert (settings, dropped) == (["train.from=[clip-ft, x3d, ircsn, tf, bow]"], ["w2v", "gru"])  # gru reads w2v
    assert packages.leaving_out(graph, ["bow", "w2v", "finetune"], graph.stages) == ([], [])  # no text feature is left


def test_settings_without_them_name_no_dropped_feature_elsewhere() -> None:
    sets = ("train.joint=[gru]", "train.joint_rates={gru: 0.5}")
    settings, _ = packages.leaving_out(shipped(*sets), ["w2v"], ["train"])
    assert settings[1:] == ["train.joint=[]", "train.joint_rates={}"]
    assert shipped(*sets, *settings).features("train") == (["clip-ft", "x3d", "ircsn", "tf"], ["clip-ft", "bow"])


def test_a_run_tells_all_packages_before_any_work(
    without: Callable[..., None], collect: Callable[..., Path], surroundings: Callable[..., Context]
) -> None:
    without("pytorchvideo")
    context = surroundings(collect(), ["train.from=[x3d, bow, clip-s]"], GRAPH)
    with pytest.raises(LaffError) as error:
        check_work(context, context.graph.needed(["report"]))
    assert str(error.value).startswith("packages: 1 problem\n  - x3d needs ")
    (told,) = [line for line in error.value.problems if "pytorchvideo" in line]
    assert told.startswith("x3d needs the package pytorchvideo, which is not installed here (")
    assert told.endswith(": pip install pytorchvideo, or go without x3d: --set 'train.from=[bow, clip-s]'")
    with pytest.raises(LaffError) as error:
        check_work(context, context.graph.needed(["x3d"]))  # asked for by itself: nothing goes without it
    assert error.value.problems[0].endswith(": pip install pytorchvideo")


def test_a_plan_tells_it_and_the_decoder(
    without: Callable[..., None], collect: Callable[..., Path], surroundings: Callable[..., Context]
) -> None:
    without("pytorchvideo", "decord")
    context = surroundings(collect(), ["decode.decoder=decord"])
    names = context.graph.needed(["report"])
    decoder, feature = packages.remarks(context.graph, [stage_plan(context, name) for name in names], names)
    assert decoder.startswith("decoder=decord of the decode step needs the package decord, which is not installed")
    assert decoder.endswith("(wheels for Linux on x86-64 alone), or decode.decoder=pyav, which reads everything")
    assert feature.endswith(": pip install pytorchvideo")  # without x3d no video feature would be left


def test_what_is_made_needs_nothing(
    without: Callable[..., None],
    collect: Callable[..., Path],
    surroundings: Callable[..., Context],
    finish: Callable[[Context], None],
) -> None:
    without("pytorchvideo", "decord")
    path = collect()
    finish(surroundings(path))
    context = surroundings(path)
    names = context.graph.needed(["report"])
    assert packages.remarks(context.graph, [stage_plan(context, name) for name in names], names) == []


GRAPH: Any = """
stages:
  ingest: {step: ingest, params: {shard_videos: 2, shard_captions: 4}}
  decode: {step: decode, from: ingest}
  x3d: {step: extract, uses: extractors.x3d.X3D, from: decode, params: {size: XS, weights: random}}
  clip-s: {step: extract, uses: extractors.clip.Clip, from: decode, params: {model: tiny-64, weights: random}}
  bow: {step: extract, uses: extractors.bow.Bow, from: ingest, params: {threshold: 1}}
  train: {step: train, uses: fusion.laff.LAFF, from: [x3d, bow]}
  rank: {step: rank, from: train}
  evaluate: {step: evaluate, from: rank}
  report: {step: report, from: evaluate}
"""
