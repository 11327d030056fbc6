"""What a vectors stage keeps: models with a seed, and features that hold videos and texts in one space."""

from dataclasses import dataclass

from pipeline.errors import LaffError, did_you_mean, problems
from pipeline.graph import aggregators, models
from pipeline.graph.graph import Graph, Stage
from pipeline.graph.models import Model
from pipeline.graph.options import VECTORS as VECTORS
from pipeline.graph.options import VectorOptions
from pipeline.parts import classes


@dataclass(frozen=True)
class Kept:
    """Vectors of one model with one seed, or of one feature."""

    name: str  # of the model, or of the feature's stage
    seed: int = 0
    model: Model | None = None  # None: a feature

    @property
    def key(self) -> str:
        """Its folder, below that of the stage."""
        return f"{self.name}/seed{self.seed}"

    @property
    def reads(self) -> tuple[str, ...]:
        """The video features that it is made of."""
        return self.model.video if self.model else (self.name,)


def train_of(graph: Graph, stage: Stage) -> Stage | None:
    """The train stage that a vectors stage reads, if it reads one."""
    return next((graph.stages[name] for name in stage.sources if graph.stages[name].about.fuses), None)


def stage_of(graph: Graph) -> Stage | None:
    """The vectors stage of a graph; None where there is none."""
    return next(iter(graph.stages_of(VECTORS)), None)


def kept(graph: Graph, stage: Stage) -> list[Kept]:
    """All that a vectors stage keeps, in the order of its param `models`.

    Where the param is empty: the main model with its first seed, or else the first model that has vectors; and each
    feature in the stage's own `from`. Empty where no model has vectors. Raises LaffError with all wrong names.
    """
    return list(graph.found.once("kept", stage, lambda: _kept(graph, stage)))


def _kept(graph: Graph, stage: Stage) -> list[Kept]:
    train = train_of(graph, stage)
    trained = models.of(graph, train) if train else []
    features_read = [name for name in stage.sources if train is None or name != train.name]
    wanted = stage.options_as(VectorOptions).models
    if not wanted:
        main = models.main(train) if train else ""
        able = [model for model in trained if not without_vectors(graph, model)]
        first = sorted(able, key=lambda model: model.name != main)[:1]
        return [*(Kept(model.name, model.seeds[0], model) for model in first), *_own(graph, stage, features_read)]
    known = {model.name: model for model in trained}
    features = {name for name in (*features_read, *(train.sources if train else ())) if _has_both(graph, name)}
    vectors, mistakes = [], []
    for name in wanted:
        try:
            vectors.append(_named(graph, name, known, features))
        except LaffError as error:
            mistakes.append(f"'{stage.name}': models: {error}")
    if mistakes:
        raise problems(str(graph.path), mistakes)
    keys = [item.key for item in vectors]
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise LaffError(f"'{stage.name}': models names {twice[0]} twice")
    return vectors


def _own(graph: Graph, stage: Stage, names: list[str]) -> list[Kept]:
    for name in names:
        if not _has_both(graph, name):
            raise LaffError(
                f"'{stage.name}' reads '{name}', which holds no videos and texts in one space; it reads a train stage "
                "and features such as clip"
            )
        if reason := aggregators.without_vectors(graph.stages[name]):
            raise LaffError(f"'{stage.name}' cannot keep '{name}': {reason}, so no video has a vector")
    return [Kept(name) for name in names]


def _named(graph: Graph, name: str, known: dict[str, Model], features: set[str]) -> Kept:
    """The vectors that MODEL, MODEL/seedN or FEATURE names; LaffError where there are none."""
    word, _, seed = name.partition("/")
    if word in known:
        model = known[word]
        if reason := without_vectors(graph, model):
            raise LaffError(f"'{word}' has no vectors to keep: {reason}; it is ranked and searched pair by pair")
        seeds = {f"seed{number}": number for number in model.seeds}
        if seed and seed not in seeds:
            raise LaffError(f"'{name}': {word} has {', '.join(seeds)}")
        return Kept(word, seeds[seed] if seed else model.seeds[0], model)
    if word in features and seed in ("", "seed0"):
        if reason := aggregators.without_vectors(graph.stages[word]):
            raise LaffError(f"'{word}' has no vectors to keep: {reason}")
        return Kept(word)
    names = [*known, *sorted(features)]
    raise LaffError(f"no model or pair of features '{name}'{did_you_mean(word, names)} (here: {', '.join(names)})")


def _has_both(graph: Graph, name: str) -> bool:
    return {"video", "text"} <= set(graph.stages[name].sides)


def without_vectors(graph: Graph, model: Model) -> str:
    """Why a model gives no video a vector; '' where it does."""
    plugged = model.params.get("aggregate")
    for path in (model.uses, plugged if isinstance(plugged, str) else ""):
        if path and classes.plugged(path, graph.trusted).constants.get("scores_pairs"):
            return f"{path} scores each caption and video together"
    return ""
