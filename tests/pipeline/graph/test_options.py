"""Params of steps as dataclasses: read without the step, and the same whether a file or its class is asked."""

from dataclasses import fields

import pytest

from pipeline.errors import LaffError
from pipeline.graph import stages, step_facts
from pipeline.graph.graph import Stage
from pipeline.graph.models import Model
from pipeline.graph.options import DecodingLimits, ModelOptions
from pipeline.parts.code import ROOT
from pipeline.plan import steps
from pipeline.steps import train


def test_some_of_a_stages_params() -> None:
    """What is not bound, since it was refused, has its default; params of other dataclasses are left out."""
    stage = Stage("mine", "train", options={"seeds": [3], "joint": ["gru"], "lr": 0.5})
    assert stage.options_as(ModelOptions) == ModelOptions(seeds=[3], joint=["gru"], own=True, singles=True)
    assert stage.options_as(train.Options) == train.Options(seeds=[3], joint=["gru"], lr=0.5)
    assert Stage("x3d", "extract").options_as(DecodingLimits) == DecodingLimits(timeout=120.0, memory=4.0)


def test_refused_values_are_told() -> None:
    with pytest.raises(LaffError, match="seeds is"):
        Stage("mine", "train", options={"seeds": [3, 3]}).options_as(train.Options)


def test_a_model_is_trained_as_its_stage_says_but_for_its_own_options() -> None:
    stage = Stage("mine", "train", options={"lr": 0.5, "batch": 8, "precision": "bfloat16"})
    model = Model("concat", "fusion.concat.Concat", ("x3d",), ("bow",), (1,), {}, options={"batch": 16})
    training = model.training(stage)
    assert (training.lr, training.batch, training.precision, training.epochs) == (0.5, 16, "bfloat16", 80)


@pytest.mark.parametrize("step", step_facts.names())
def test_a_file_that_is_read_has_the_params_of_the_class(step: str) -> None:
    """Stages are checked by the source of a step's Options, inherited params too: in the same order, for --help."""
    options = steps.module(Stage("mine", step)).Options
    assert list(step_facts.about(step).parameters) == [field.name for field in fields(options)]


def test_all_stages_of_the_shipped_file_can_be_read() -> None:
    graph = stages.load(ROOT / "stages.yaml", "small")
    for stage in graph.stages.values():
        assert vars(stage.options_as(steps.module(stage).Options)) == stage.options
