"""Checks of a block or model that need the graph alone: its class, and the features that its params name."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.errors import did_you_mean
from pipeline.graph import aggregators
from pipeline.graph.graph import FILLED, Graph, Stage
from pipeline.parts import classes, code
from pipeline.parts.binding import Params, bind


def bound(described: classes.Part, given: Mapping[str, Any], trusted: frozenset[str]) -> tuple[Params, list[str]]:
    """The params of a block or model, completed with defaults, and what is wrong with them.

    Those of an aggregator that a parameter `aggregate` names are completed and checked as well.
    """
    if not {"dims", "video_dims"} & set(described.parameters):
        return {}, [
            "it is no block and no model: its constructor has neither dims nor video_dims; see fusion/laff.py or je.py"
        ]
    wanted = {key: value for key, value in described.parameters.items() if key not in FILLED}
    params, mistakes = bind(given, wanted)
    if mistakes or "aggregate" not in params:
        return params, mistakes
    try:
        plugged = classes.plugged(params["aggregate"], trusted)
    except code.PartError as error:
        return params, [f"aggregate: {error}"]
    if "scores_pairs" not in plugged.constants or not set(aggregators.GIVEN) <= set(plugged.parameters):
        return params, [f"aggregate: {plugged.path} is no aggregator of frames; see fusion/frames/"]
    parameters = {key: value for key, value in plugged.parameters.items() if key not in aggregators.GIVEN}
    inside, mistakes = bind(params.get("aggregate_params") or {}, parameters)
    return params | {"aggregate_params": inside}, [f"aggregate_params: {mistake}" for mistake in mistakes]


def by_frame(stage: Stage) -> bool:
    """Whether a feature's videos have a row for each frame."""
    return stage.values.get("level") == "frame"


def one_row(stage: Stage) -> str:
    """That a feature has no rows of frames, and what to do: level: frame reads them where there are some."""
    if stage.part is None:
        return f"'{stage.name}' was imported with one row a video; import a feature of frames, with level: frame"
    return f"'{stage.name}' holds one row a video; give its stage level: frame"


def mistakes(
    graph: Graph,
    stage: Stage,
    video: Sequence[str],
    text: Sequence[str],
    params: Mapping[str, Any],
    written: Sequence[str],
    left: bool,
) -> list[str]:
    """What is wrong with the features that a model's `frames` and `raw` name.

    video, text: the features that it fuses; written: the params that its own entry has. Only these have to name its
    features, since all models of a stage share the others. `raw` names features of the stage. left: it was written
    beside another `from`, which a setting has replaced; then it may name other stages too, so that --set train.from=…
    needs no other `raw`. In a package it is not refused, for the models are trained.
    """
    problems = []
    for name in params.get("frames") or ():
        if name in video and not by_frame(graph.stages[name]):
            problems.append(f"frames: {one_row(graph.stages[name])}")
        elif name not in video and "frames" in written:
            hint = did_you_mean(name, video) or f"; it has {', '.join(video)}"
            problems.append(f"frames: '{name}' is no video feature of the model{hint}")
    known = [feature for side in graph.features(stage.name) for feature in side]
    for name in params.get("raw") or ():
        described = graph.stages[name].part if name in text else None
        if described and described.member("sparse"):
            problems.append(f"raw: '{name}' counts words, so its rows are sparse and cannot be raw; take it out of raw")
        elif name not in known and "raw" in written and not stage.packed and not (left and name in graph.stages):
            hint = did_you_mean(name, known) or f"; add it to {stage.name}.from, or take it out of raw"
            problems.append(f"raw: '{stage.name}' reads no feature '{name}'{hint}")
    return problems
