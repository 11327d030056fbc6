"""Which models are trained, and which rows ranked."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import models
from pipeline.context import Context
from pipeline.errors import LaffError

Surroundings = Callable[..., Context]


def test_only_singles_are_averaged(collect: Callable[..., Path], surroundings: Surroundings):
    """A baseline whose name begins like the singles' is none of them, and one video feature makes no singles."""
    context = surroundings(collect(), ["train.baselines={laff-wide: fusion.concat.Concat}"])
    train, rank = context.stage("train"), context.stage("rank")
    assert [(model.name, model.single) for model in models.of(context, train)] == [
        ("laff", False),
        ("laff-wide", False),
    ]
    assert [row.name for row in models.rows(context, rank)] == ["laff", "laff-wide"]


def test_a_baseline_takes_the_stage_s_params(collect: Callable[..., Path], surroundings: Surroundings):
    context = surroundings(collect(), ["train.baselines={concat: fusion.concat.Concat}", "train.width=16"])
    (own, concat) = models.of(context, context.stage("train"))
    assert (own.params["width"], concat.params["width"]) == (16, 16)
    assert own.seeds == concat.seeds == (1, 2)
    assert models.recipe(context, context.stage("train"), own) != models.recipe(context, context.stage("train"), concat)


def test_a_further_model_changes_no_other(collect: Callable[..., Path], surroundings: Surroundings):
    """Adding a seed or a baseline leaves the recipes of the models that there are, so nothing is trained again."""
    before, after = (surroundings(collect(), sets) for sets in ([], ["train.seeds=[1,2,3]", "train.singles=false"]))
    recipes = [models.recipe(c, c.stage("train"), models.of(c, c.stage("train"))[0]) for c in (before, after)]
    assert recipes[0] == recipes[1]


def test_mistakes_of_all_baselines_are_told_together(collect: Callable[..., Path], surroundings: Surroundings):
    baselines = (
        "{a: fusion.concat.Conca, b: {uses: fusion.laff.LAFF, vidoe: [x3d]}, "
        "c: {uses: fusion.laff.LAFF, text: [boww], options: {epochs: 0}}, e: {uses: fusion.laff.LAFF, params: [1]}}"
    )
    context = surroundings(collect(), [f"train.baselines={baselines}"])
    with pytest.raises(LaffError) as caught:
        models.of(context, context.stage("train"))
    told = str(caught.value).splitlines()
    assert told[0] == "'train': 4 problem(s)"
    for line, words in zip(
        told[1:],
        (
            ["baseline 'a'", "no class 'Conca'", "did you mean 'Concat'"],
            ["baseline 'b'", "unknown key 'vidoe'; did you mean 'video'"],
            ["baseline 'c'", "text: no feature 'boww'; did you mean 'bow'", "epochs is 0"],
            ["baseline 'e'", "params should be a mapping, not [1]"],
        ),
        strict=True,
    ):
        assert all(word in line for word in words), line


def test_only_the_baselines(collect: Callable[..., Path], surroundings: Surroundings):
    """Without its own block a stage has its baselines; without those, nothing, which is a mistake."""
    sets = ["train.own=false", "train.singles=false"]
    context = surroundings(collect(), [*sets, "train.baselines={concat: fusion.concat.Concat}"])
    assert [model.name for model in models.of(context, context.stage("train"))] == ["concat"]
    context = surroundings(collect(), sets)
    with pytest.raises(LaffError, match="nothing to train"):
        models.of(context, context.stage("train"))


def test_a_baseline_that_says_what_the_stage_says_is_the_same_model(
    collect: Callable[..., Path], surroundings: Surroundings
):
    """So a comparison and a run share what they train."""
    entry = "{uses: fusion.laff.LAFF, video: [x3d], text: [bow]}"
    one = surroundings(collect(), ["train.width=32"])
    two = surroundings(collect(), ["train.width=32", "train.own=false", f"train.baselines={{laff: {entry}}}"])
    recipes = [models.recipe(c, c.stage("train"), models.of(c, c.stage("train"))[0]) for c in (one, two)]
    assert recipes[0] == recipes[1]
