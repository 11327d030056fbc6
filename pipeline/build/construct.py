"""From a stage to the object that does its work: import, construct, give it its weights or what it learned."""

import importlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import LaffError
from pipeline.graph import aggregators
from pipeline.graph.graph import Graph, Stage, module_of
from pipeline.graph.learning import Fit
from pipeline.graph.models import Model, listed
from pipeline.parts import classes
from pipeline.parts.make import make
from pipeline.plan.context import Context
from pipeline.rows import bigfile
from pipeline.weights import lookup

if TYPE_CHECKING:
    from fusion.spaces import Spaces

_loaded: dict[str, Any] = {}  # fingerprint -> a part ready to work, per process: loading costs seconds


def construct(stage: Stage, context: Context | None = None, **filled: Any) -> Any:
    """The stage's part with its params. LaffError where its constructor refuses a value."""
    if stage.part is None:
        raise LaffError(f"{stage.name} has no part")
    params = dict(stage.params)
    for name in stage.part.constants.get("FILES", ()):
        if params.get(name) and context:
            params[name] = str(context.path(params[name]))
    if context and (own := lookup.own_file(params.get("weights"), context.graph)):
        params["weights"] = str(own.absolute())  # a part may look beside it, also where a worker stands elsewhere
    part = make(stage.name, stage.part.path, params | filled)
    if stage.aggregator:
        _plug(stage, part)
    return part


def _plug(stage: Stage, part: Any) -> None:
    """Let the part build its aggregator. LaffError where other frames are read than its weights are for."""
    part.plug(partial(aggregator, stage, part.dim))
    if part.level == "video" and (other := aggregators.other_frames(stage)):
        import torch

        with torch.device("meta"):
            tied = aggregator(stage, part.dim).tied
        if tied:
            raise LaffError(f"{other}, or level: frame")


def aggregator(stage: Stage, dim: int) -> Any:
    """The aggregator of a stage's part, new, over frames [B, T, dim]; its weights are drawn from the stage's seed."""
    import torch

    assert stage.aggregator is not None
    sizes = {"frames": stage.aggregator.frames, "dim": dim}
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(stage.options.get("seed", 0))
        return make(stage.name, stage.aggregator.uses, stage.aggregator.params | sizes)


def model(
    where: str,
    made: Model,
    trusted: frozenset[str],
    video: dict[str, int],
    text: dict[str, int],
    lengths: dict[str, int],
    encoders: dict[str, Any],
) -> "Spaces":
    """A block on each side, or a model that knows both: whatever `uses` names tells by its constructor's parameters.

    video, text: widths of the features; lengths: frames of those that come frame by frame.
    """
    from fusion.paired import Paired

    wanted = classes.plugged(made.uses, trusted).parameters
    filled = {"lengths": lengths} if "lengths" in wanted else {}
    if "video_dims" in wanted:
        both = {"video_dims": video, "text_dims": text, "encoders": encoders}
        whole: Spaces = make(where, made.uses, made.params | filled | both)
        return whole
    first, second = (make(where, made.uses, made.params | filled | {"dims": dims}) for dims in (video, text))
    return Paired(first, second, encoders)


def device(stage: str, on: str) -> str:
    """The device of `on` on this machine: a GPU where there is one, unless it says cpu."""
    if on == "cpu":
        return "cpu"
    import torch

    if on == "gpu" and not torch.cuda.is_available():
        raise LaffError(f"'{stage}' says on: gpu, but torch {torch.__version__} sees none; use auto or cpu")
    return "cuda" if torch.cuda.is_available() else "cpu"


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


def ready(fingerprint: str, part: Any, where: str, weights: Path | None, state: Path | None) -> Any:
    """`part` with its weights on `where`, or what it learned; loaded once per process."""
    if fingerprint not in _loaded:
        if len(_loaded) > 8:
            _loaded.clear()
        try:
            if state is not None:
                part.load_state(read_state(state), where)
            elif hasattr(part, "load"):
                part.load(where, weights)
        except ValueError as error:
            raise LaffError(str(error)) from None
        _loaded[fingerprint] = part
    return _loaded[fingerprint]


def read_state(path: Path) -> dict[str, Any]:
    """What a fit saved."""
    state: dict[str, Any] = read_checkpoint(path)["state"]
    return state


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A best.pt: fingerprint, state, score, epoch."""
    import torch

    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise LaffError(f"{path}: not a readable checkpoint ({error}); delete it and run again") from None
    return content
