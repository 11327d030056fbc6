"""The settings that make a run another one: those of the trained models and of their results."""

from collections.abc import Mapping
from typing import Any

from pipeline.graph.graph import Graph, Stage
from pipeline.graph.options import ModelOptions
from pipeline.parts.binding import Params
from pipeline.plan.differences import Difference

Settings = Mapping[str, Mapping[str, Any]]


def members(graph: Graph) -> list[str]:
    """The stages of a run: those that train on features, and all that read these."""
    fusing = {stage.name for stage in graph.stages.values() if stage.about.fuses}
    return [name for name in graph.stages if fusing.intersection(graph.needed([name]))]


def settings(graph: Graph) -> dict[str, Params]:
    """{stage: its settings} of a run's stages, and of the encoders that are trained inside its models.

    Without seeds and further models, which stand side by side in one run; without files that a param names, which count
    by their content; and without stages whose results other settings replace.
    """
    of_stages: dict[str, Params] = {}
    for name in members(graph):
        stage = graph.stages[name]
        if stage.about.in_place:
            continue
        of_stages[name] = _params(stage)
        if stage.about.fuses:
            video, text = graph.features(name)
            options = stage.options_as(ModelOptions)
            of_stages[name] |= {"joint": options.joint}
            if options.own or options.singles:  # else only baselines are trained
                of_stages[name] |= {"uses": stage.uses, "video": video, "text": text}
            of_stages |= {encoder: _params(graph.stages[encoder]) for encoder in options.joint}
    return {
        name: plain
        for name, values in of_stages.items()
        if (plain := {key: _plain(value) for key, value in values.items()})
    }


def _params(stage: Stage) -> Params:
    files = (*stage.about.files, *(stage.part.member("FILES") if stage.part else ()))
    values = stage.params | {key: value for key, value in stage.options.items() if key not in stage.about.how}
    return {key: value for key, value in values.items() if key not in files}


def _plain(value: Any) -> Any:
    """A value as YAML gives it back."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def changed(before: Settings, after: Settings) -> list[Difference]:
    """The settings in which two runs differ, of the stages and params that both have.

    Others belong to another version of laff, or to another block.
    """
    pairs = [(before[stage], after[stage]) for stage in after if stage in before]
    return [
        Difference(key, old[key], new[key])
        for old, new in pairs
        for key in sorted({*old} & {*new}, key=lambda key: (key != "uses", key))
        if old[key] != new[key]
    ]
