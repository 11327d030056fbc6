"""What constructors and devices refuse, told before any work."""

import importlib

from pipeline.build.construct import construct, model
from pipeline.build.loaded import device
from pipeline.errors import LaffError
from pipeline.graph import aggregators
from pipeline.graph.graph import Graph, Stage, module_of
from pipeline.graph.models import listed
from pipeline.graph.recipe import Fit
from pipeline.plan.context import Context
from pipeline.rows import bigfile


def option_problem(stage: Stage) -> str:
    """What the step's Options refuse, or ''; their types were checked when the file was read."""
    options = importlib.import_module(f"pipeline.steps.{module_of(stage.step)}").Options
    try:
        options(**stage.options)
        if stage.options.get("fit"):
            Fit(**stage.options["fit"])
    except (LaffError, ValueError) as error:
        return f"'{stage.name}': {error}"
    return ""


def problems(graph: Graph, names: list[str], remote: bool = False, context: Context | None = None) -> list[str]:
    """What constructors and devices refuse, of all stages that are about to run; `remote` features run elsewhere.

    context: knows where imported features lie, whose widths count then.
    """
    found = []
    for name in names:
        stage = graph.stages[name]
        try:
            if stage.step in ("extract", "finetune"):
                part = construct(stage)
                if stage.step == "finetune" and stage.aggregator:
                    import torch

                    with torch.device("meta"):
                        part.check()
            found += aggregators.refused(graph, stage)
            if stage.step == "train":
                found += _model_problems(graph, stage, context)
            if stage.step == "rank":
                found += _pair_problems(graph, stage)
            if stage.step in ("finetune", "train") or (stage.step == "extract" and not remote):
                device(stage.name, stage.on)
        except LaffError as error:
            found.append(str(error))
        except ValueError as error:
            found.append(f"'{name}': {error}")
    return found


def _model_problems(graph: Graph, stage: Stage, context: Context | None) -> list[str]:
    """What the constructors of a train stage's models refuse. Widths that only the rows tell stand as 1."""
    import torch

    found = []
    video, text = (_dims(graph, stage, side, context) for side in ("video", "text"))
    for one in listed(graph, stage):
        where = stage.name if one.params is stage.params else f"{stage.name}: {one.name}"
        lengths = {name: _length(graph, name) for name in one.frames}
        seen = {name: video[name] for name in one.video}
        read = {name: text[name] for name in one.text}
        try:
            with torch.device("meta"):  # without memory for any weights
                model(where, one, graph.trusted, seen, read, lengths, {})
        except LaffError as error:
            found.append(str(error))
    return found


def _pair_problems(graph: Graph, stage: Stage) -> list[str]:
    """Rows of two features that have no cosine, as far as their parts know their widths."""
    train = graph.stages[stage.sources[0]]
    video, text = (_dims(graph, train, side) for side in ("video", "text"))
    found = []
    for name, pair in stage.options["pairs"].items():
        described = graph.stages[pair[1]].part if pair[1] in graph.stages else None
        if described and described.constants.get("sparse"):
            found.append(f"'{stage.name}': pairs.{name}: '{pair[1]}' counts words and has no cosine with a video")
        one, other = (dims.get(feature, 1) for dims, feature in zip((video, text), pair, strict=True))
        if 1 not in (one, other) and one != other:
            found.append(
                f"'{stage.name}': pairs.{name}: '{pair[0]}' is {one} wide and '{pair[1]}' {other}; a cosine takes two "
                "features of one model"
            )
    return found


def _dims(graph: Graph, stage: Stage, side: str, context: Context | None = None) -> dict[str, int]:
    """Widths of the features of one side, as far as their parts or the headers of imported files know them; else 1."""
    sources = [graph.stages[source] for source in stage.sources if side in graph.stages[source].sides]
    return {source.name: _width(source, context) for source in sources}


def _width(stage: Stage, context: Context | None) -> int:
    if stage.step == "extract":
        return int(getattr(construct(stage), "dim", 1))
    if stage.step == "import" and context:
        others = (stage.options["ids"], stage.options["starts"])
        return bigfile.width(context.path(stage.options["file"]), stage.options["array"], others) or 1
    return 1


def _length(graph: Graph, name: str) -> int:
    """Frames of a video's row, where the feature's part or its import says how many at most."""
    if graph.stages[name].step == "import":
        return int(graph.stages[name].options["frames"])
    sampling = getattr(construct(graph.stages[name]), "sampling", None) if graph.stages[name].part else None
    return sampling.views * sampling.frames if sampling else 1
