"""What a grid comes to on a collection: features, roles, subsets, and models that are those of `laff run`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.compare import grid
from pipeline.compare.rows import Rows, rows
from pipeline.errors import LaffError
from pipeline.graph import models, stages
from pipeline.graph.graph import Graph
from pipeline.opening import open_context
from pipeline.plan.steps import units
from pipeline.run import run

ROLES = {"lead": "pair", "lead-text": "words", "lead-frames": "pair-frames"}


def graph(small: Any, *sets: str) -> Graph:
    return stages.load(small.folder / "stages.yaml", None, sets)


def rows_for(small: Any, text: str, **roles: str) -> Rows:
    small.grid.write_text(text)
    return rows(grid.load(str(small.grid)), graph(small), roles)


def entries(selected: Rows) -> dict[str, Any]:
    return selected.graph.stages["compare/mine/train"].options["baselines"]


def test_features_of_each_model(small) -> None:
    selected = rows(grid.load(str(small.grid)), graph(small), ROLES)
    assert selected.names == ["laff", "late", "frames", "pair"]
    assert (entries(selected)["laff"]["video"], entries(selected)["laff"]["text"]) == (
        ["pair", "other"],
        ["words", "bow"],
    )
    assert entries(selected)["frames"]["video"] == ["other", "pair-frames"]
    assert entries(selected)["late"] == {
        "uses": "fusion.je.JE",
        "params": {"width": 8, "lead": "pair", "share": 0.5},
        "video": ["pair", "other"],
        "text": ["words", "bow"],
    }
    train = selected.graph.stages["compare/mine/train"]
    assert train.sources == ("pair", "other", "words", "bow", "pair-frames")
    assert train.options["seeds"] == [1, 2]
    order = list(selected.graph.stages)
    assert order.index("pair-frames") < order.index("compare/mine/train") < order.index("compare/mine/rank")
    assert not {"train", "rank", "evaluate", "report"}.intersection(order)


def test_a_model_is_that_of_the_run(small) -> None:
    """Name, fingerprint and content, so that neither trains what the other has."""
    run(small.request(), ("train",))
    context = open_context(small.request())
    (trained,) = units(context, "train")
    context.graph = rows(grid.load(str(small.grid)), graph(small), ROLES).graph
    del context.recipes  # of the other graph
    same = {unit.key: unit for unit in units(context, "compare/mine/train")}["laff/seed1"]
    assert (same.fingerprint, same.content) == (trained.fingerprint, trained.content)


def test_subsets_multiply_the_models(small) -> None:
    text = """
models:
  laff: fusion.laff.LAFF
  fixed: {uses: fusion.concat.Concat, video: [other], text: [bow]}
  more: {uses: fusion.concat.Concat, video: [$all, other]}
features: {all: {}, one: {video: [pair], text: [words]}}
"""
    models_of_grid = entries(rows_for(small, text))
    assert {name: (entry["video"], entry["text"]) for name, entry in models_of_grid.items()} == {
        "laff": (["pair", "other"], ["words", "bow"]),
        "laff@one": (["pair"], ["words"]),
        "fixed": (["other"], ["bow"]),
        "more": (["pair", "other"], ["words", "bow"]),
        "more@one": (["pair", "other"], ["words"]),
    }


def test_rows_without_their_features_say_which(small) -> None:
    selected = rows(grid.load(str(small.grid)), graph(small), {"lead-text": "pair", "lead": "other-one"})
    assert selected.names == ["laff"]
    assert selected.left_out["frames"].startswith("no stage makes a video feature 'other-one'")
    assert "'other-one', which is none of its features (bow, other, pair, words)" in selected.left_out["late"]
    assert "--role lead=FEATURE" in selected.left_out["late"]
    assert "no stage makes a video feature 'other-one'; did you mean 'other'?" in selected.left_out["other-one"]
    assert (
        "no stage makes a text feature 'pair'"
        in rows_for(small, "models: {laff: fusion.laff.LAFF}\npairs: {two: [pair, pair]}").left_out["two"]
    )


def test_all_mistakes_are_told_together(small) -> None:
    text = """
roles: {lead: pair}
models:
  laff: {uses: fusion.laff.LAFF, params: {head: 4}}
  typo: fusion.laff.LAF
  wild: {uses: fusion.laff.LAFF, video: [$leed]}
  fast: {uses: fusion.laff.LAFF, options: {lr: -1.0}}
  more: {uses: fusion.laff.LAFF, options: {loss: tripletss}}
"""
    with pytest.raises(LaffError) as caught:
        rows_for(small, text, leads="pair")
    message = str(caught.value)
    assert message.startswith(f"{small.grid}: 6 problems")
    for mistake in (
        "--role leads: the grid has no such role; did you mean 'lead'?",
        "model 'wild': '$leed' is no role; did you mean '$lead'?",
        "model 'laff': cannot use fusion.laff.LAFF: unknown parameter 'head'; did you mean 'heads'?",
        "model 'typo': cannot use fusion.laff.LAF: no class 'LAF' in fusion.laff; did you mean 'LAFF'?",
        "model 'fast': options: lr is -1.0; it should be above 0",
        "model 'more': options: loss",
    ):
        assert mistake in message


def test_nothing_can_be_made(small) -> None:
    with pytest.raises(LaffError, match="none of its models can be made here") as caught:
        rows_for(small, "models: {laff: {uses: fusion.laff.LAFF, video: [nothing]}}")
    assert "laff: no stage makes a video feature 'nothing'" in str(caught.value)


def test_what_a_constructor_refuses_is_told_before_any_work(small, tmp_path: Path) -> None:
    from pipeline.compare.run import Asked, compare

    small.grid.write_text("models: {laff: fusion.laff.LAFF, mmt: {uses: fusion.mmt.MMT, params: {heads: 3, width: 8}}}")
    with pytest.raises(LaffError, match=r"'compare/mine/train: mmt' cannot use fusion.mmt.MMT: .*heads"):
        compare(small.request(), Asked(str(small.grid)))
    assert not (small.work / "pair").exists()


def test_without_a_model_that_came_to_nothing(small) -> None:
    selected = rows(grid.load(str(small.grid)), graph(small), ROLES).without({"late": "it diverged"})
    assert selected.names == ["laff", "frames", "pair"]
    assert selected.models == ["laff", "frames"]
    assert selected.left_out == {"late": "it diverged"}
    names = [model.name for model in models.of(selected.graph, selected.graph.stages["compare/mine/train"])]
    assert names == ["laff", "frames"]


def test_the_pair_goes_by_its_features_name(small) -> None:
    selected = rows(grid.load(str(small.grid)), graph(small), ROLES)
    assert selected.graph.stages["compare/mine/rank"].options["pairs"] == {"pair": ["pair", "words"]}
    small.grid.write_text("roles: {lead: pair}\nmodels: {other: fusion.laff.LAFF}\npairs: {$lead: [$lead, words]}")
    with pytest.raises(LaffError, match="the row 'other' is listed twice"):
        rows(grid.load(str(small.grid)), graph(small), {"lead": "other"})


def test_what_is_taken_out_must_be_there(small) -> None:
    text = """
roles: {lead: pair}
models:
  laff: fusion.laff.LAFF
  frames: {uses: fusion.laff_ml.LAFFml, video: [$all, -$lead, pair-frames], params: {frames: [pair-frames]}}
  less: {uses: fusion.laff.LAFF, video: [$all, -pair]}
features: {all: {}, one: {video: [other]}}
"""
    selected = rows_for(small, text)
    assert selected.names == ["laff", "laff@one", "frames", "less"]
    assert selected.left_out["frames@one"] == "-$lead takes no video feature out: 'pair' is not among other"
    assert selected.left_out["less@one"] == "-pair takes no video feature out: 'pair' is not among other"
    with pytest.raises(LaffError, match=r"-pairr takes no video feature out: .*; did you mean 'pair'\?"):
        rows_for(small, "models: {laff: {uses: fusion.laff.LAFF, video: [$all, -pairr]}}")
