"""Which models are trained, and which rows ranked."""

from collections.abc import Callable
from pathlib import Path

from pipeline import models
from pipeline.context import Context

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
