"""Which models a train stage trains, and which rows a rank stage ranks."""

import re
from dataclasses import dataclass, field, replace

from pipeline.errors import LaffError, meant, problems
from pipeline.graph import aggregators, baselines, model_checks, rescoring
from pipeline.graph.graph import Graph, Stage
from pipeline.graph.options import ModelOptions, ModelTraining, PairOptions
from pipeline.graph.rescoring import Second
from pipeline.graph.stages_file import Entry
from pipeline.parts import classes
from pipeline.parts.binding import Params, bind

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_@-]*")
FUSED = "fused"  # in rank.pairs, short for [NAME, NAME]; left out if train does not fuse both sides
CHANCE = "chance"  # the row that evaluate adds


@dataclass(frozen=True)
class Model:
    """One block over some features, trained once per seed."""

    name: str
    uses: str  # its class
    video: tuple[str, ...]  # the video features that it fuses
    text: tuple[str, ...]  # the text features that it fuses
    seeds: tuple[int, ...]
    params: Params  # of its constructor
    single: bool = False  # whether it is the stage's own model over one video feature (`singles`)
    options: Params = field(default_factory=dict)  # params of the training that differ from the stage's

    @property
    def frames(self) -> tuple[str, ...]:
        """The video features that it reads frame by frame."""
        return tuple(name for name in self.params.get("frames", ()) if name in self.video)

    def training(self, stage: Stage) -> ModelTraining:
        """The params of its training: those of its train stage, replaced by its own `options`."""
        return replace(stage, options=stage.options | self.options).options_as(ModelTraining)


@dataclass(frozen=True)
class Row:
    """One row of the table of results: a model, the mean of several models' scores, or two features compared."""

    name: str
    seeds: tuple[int, ...]
    models: tuple[Model, ...] = ()  # scores are averaged over them
    features: tuple[str, ...] = ()  # without models: (video feature, text feature), compared by their cosine
    pairs: bool = False  # not by cosine: the aggregator that the features were fine-tuned with scores each pair
    second: Second | None = None  # how the scores of the row `second.of` are changed; None: they are not

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways that it ranks: t2v, v2t or both."""
        return self.second.how.WAYS if self.second else rescoring.WAYS


def main(stage: Stage) -> str:
    """The name of a train stage's own model: the file of its block, such as laff for fusion.laff.LAFF."""
    return str(stage.uses).split(".")[-2]


def of(graph: Graph, stage: Stage, called: str = "baseline") -> list[Model]:
    """All models of a train stage: its own, its baselines, and its own on each single video feature.

    called: the word for a baseline in messages. The list is empty if the stage is set to train nothing. Raises one
    LaffError with all mistakes in the baselines.
    """
    return list(graph.found.once("models", stage, lambda: _of(graph, stage, called)))


def _of(graph: Graph, stage: Stage, called: str) -> list[Model]:
    video, text = (tuple(names) for names in graph.features(stage.name))
    options = stage.options_as(ModelOptions)
    seeds = tuple(options.seeds)
    own_name = main(stage)
    models = [Model(own_name, str(stage.uses), video, text, seeds, stage.params)] if options.own else []
    mistakes = _own_mistakes(graph, stage) if options.own or options.singles else []
    for name, entry in options.baselines.items():
        try:
            models.append(_baseline(graph, stage, name, {"uses": entry} if isinstance(entry, str) else entry))
        except LaffError as error:
            mistakes += [f"{called} '{name}': {problem}" for problem in error.problems]
    if mistakes:
        raise problems(f"'{stage.name}'", mistakes)
    if options.singles and len(video) > 1:
        models += [
            Model(f"{own_name}-{feature}", str(stage.uses), (feature,), text, seeds, stage.params, True)
            for feature in video
        ]
    mistakes = [
        f"{model.name} takes '{name}' as one vector a video, but {reason}; choose one: (1) take '{name}' out of "
        f"{stage.name}.from; (2) name it in `frames` of a model that reads frames; (3) use it only in rank.pairs: set "
        f"own: false and singles: false, and list only baselines whose `video:` leaves out '{name}'"
        for model in models
        for name in model.video
        if name not in model.frames and (reason := aggregators.without_vectors(graph.stages[name]))
    ]
    if mistakes:
        raise problems(f"'{stage.name}'", mistakes)
    _check_names(stage, [model.name for model in models])
    if not models and not stage.idle:
        raise LaffError(f"'{stage.name}' has nothing to train: own is false, and one video feature makes no singles")
    return _packed(stage, models) if stage.packed else models


def _packed(stage: Stage, trained: list[Model]) -> list[Model]:
    """The models that a package holds, each with the seeds that the package has."""
    assert stage.packed is not None
    files = stage.packed.files
    seeds = {
        model.name: tuple(seed for seed in model.seeds if f"{model.name}/seed{seed}" in files) for model in trained
    }
    return [replace(model, seeds=seeds[model.name]) for model in trained if seeds[model.name]]


def _check_names(stage: Stage, names: list[str]) -> None:
    """Raise LaffError if the name of a model or row is taken or cannot be the name of a folder."""
    for name in names:
        if not NAME.fullmatch(name):
            raise LaffError(f"'{stage.name}': '{name}' is to be a folder; use letters, digits, _ and -")
        if names.count(name) > 1 or name == CHANCE:
            raise LaffError(f"'{stage.name}': the name '{name}' is taken; give the baseline or pair another")


def _baseline(graph: Graph, stage: Stage, name: str, entry: Entry) -> Model:
    """The model of an entry of `baselines`. One LaffError with all its mistakes, which does not name the entry."""
    read = baselines.read(graph, stage, entry)
    seeds = tuple(stage.options_as(ModelOptions).seeds)
    return Model(name, read.uses, read.video, read.text, seeds, read.params, options=read.options)


def _own_mistakes(graph: Graph, stage: Stage) -> list[str]:
    """Mistakes in a train stage's own block or model, except the types of its params."""
    described = classes.plugged(str(stage.uses), graph.trusted)
    _, mistakes = model_checks.bound(described, stage.params, graph.trusted)
    changed = [key for key, value in bind({}, described.parameters)[0].items() if stage.params.get(key) != value]
    if not mistakes:
        features, left = graph.features(stage.name), "raw" in stage.left
        mistakes = model_checks.mistakes(graph, stage, *features, stage.params, changed, left)
    return [f"{stage.uses}: {mistake}" for mistake in mistakes]


def reads(graph: Graph, stage: Stage, model: Model) -> list[str]:
    """The stages whose results one model needs. A joint encoder's stage is replaced by the stages that it reads."""
    joint = stage.options_as(ModelOptions).joint
    cached = [name for name in (*model.video, *model.text) if name not in joint]
    inside = [source for name in model.text if name in joint for source in graph.inside(name)]
    return list(dict.fromkeys([*cached, *inside]))


def _pair(graph: Graph, rank: Stage, name: str) -> Row | None:
    """The row of a video feature and a text feature. LaffError if one of them is unknown or has no vectors.

    None for a pair `fused` whose feature the train stage does not fuse on both sides.
    """
    where, fused = f"'{rank.name}': pairs.{name}", graph.features(rank.sources[0])
    if rank.options_as(PairOptions).pairs[name] == FUSED and not all(name in have for have in fused):
        return None
    pair = pairs(rank)[name]
    if len(pair) != 2:
        raise LaffError(f"{where} should be [video feature, text feature] or {FUSED}, not {pair!r}")
    for feature, side in zip(pair, ("video", "text"), strict=True):
        if feature not in graph.stages or side not in graph.stages[feature].sides:
            have = [stage.name for stage in graph.stages.values() if side in stage.sides]
            raise LaffError(f"{where}: there is no {side} feature '{feature}'{meant(feature, have)}")
    return Row(name, (0,), features=(pair[0], pair[1]), pairs=_scored(graph, where, pair))


def _scored(graph: Graph, where: str, pair: list[str]) -> bool:
    """Whether two features come from one fine-tuning whose aggregator scores pairs."""
    video, text = (graph.stages[feature] for feature in pair)
    reason = aggregators.without_vectors(video)
    if not reason:
        return False
    if video.lender != text.lender:
        raise LaffError(f"{where}: {reason} and has no cosine with '{text.name}'; take [{video.name}, {video.name}]")
    if other := aggregators.other_frames(video):
        raise LaffError(f"{where}: {other}")
    return True


def rows(graph: Graph, stage: Stage) -> list[Row]:
    """The rows of a rank stage, in the order of the table; those that `rescore` adds are the last."""
    return list(graph.found.once("rows", stage, lambda: _rows(graph, stage)))


def _rows(graph: Graph, stage: Stage) -> list[Row]:
    train = graph.stages[stage.sources[0]]
    trained = of(graph, train)
    table_rows = [Row(model.name, model.seeds, models=(model,)) for model in trained]
    singles = tuple(model for model in trained if model.single)
    if singles:
        table_rows.append(Row("mean", singles[0].seeds, models=singles))
    for name in stage.options_as(PairOptions).pairs:
        if row := _pair(graph, stage, name):
            table_rows.append(row)
    _check_names(stage, [row.name for row in table_rows])
    return table_rows + _second(graph, stage, {row.name: row for row in table_rows})


def _second(graph: Graph, stage: Stage, plain: dict[str, Row]) -> list[Row]:
    """The rows of second scoring. LaffError where one is of an unknown row or method, or its features do not fit."""
    try:
        seconds = rescoring.seconds(stage.options_as(PairOptions).rescore, list(plain))
    except LaffError as error:
        raise problems(f"'{stage.name}'", error.problems) from None
    mistakes = [
        f"rescore: {second.method}: there is no {side} feature '{feature}'{meant(feature, have)}"
        for second in seconds
        for feature, side in zip(second.features, ("video", "text"), strict=False)
        for have in [[other.name for other in graph.stages.values() if side in other.sides]]
        if feature not in have
    ]
    mistakes += [
        f"rescore: {second.method}: {reason}"
        for second in seconds
        for feature in second.features[:1]
        if feature in graph.stages and (reason := _no_frames(graph.stages[feature]))
    ]
    if mistakes:
        raise problems(f"'{stage.name}'", mistakes)
    return [replace(plain[second.of], name=second.name, second=second) for second in seconds]


def _no_frames(stage: Stage) -> str:
    """Why the frames of a feature cannot be compared with captions by their cosine; '' where they can."""
    if reason := aggregators.without_vectors(stage):
        return f"{reason}, and its frames have no cosine with captions"
    return "" if model_checks.by_frame(stage) else model_checks.one_row(stage)


def ranked(graph: Graph, stage: Stage) -> list[str]:
    """The video features of a rank stage: the features that its train stage fuses, and the features of its pairs."""
    named = [row.features[0] for row in rows(graph, stage) if row.features]
    return list(dict.fromkeys([*graph.features(stage.sources[0])[0], *named]))


def pairs(stage: Stage) -> dict[str, list[str]]:
    """{name: [video feature, text feature]} of a rank stage's pairs; `fused` is written out."""
    named = stage.options_as(PairOptions).pairs
    return {name: [name, name] if isinstance(pair, str) else pair for name, pair in named.items()}
