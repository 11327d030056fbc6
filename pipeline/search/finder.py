"""One model of a workspace as a search needs it: where it looks for videos, and how it reads sentences."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.assembly import assemble
from pipeline.errors import LaffError, did_you_mean
from pipeline.graph import models
from pipeline.graph.kept import VECTORS, Kept, kept, stage_of, train_of
from pipeline.graph.options import VectorOptions
from pipeline.plan.context import Context
from pipeline.plan.plan import stage_plan
from pipeline.plan.units import Unit
from pipeline.plan.up_to_date import check_up_to_date, not_up_to_date
from pipeline.search.asking import Asking, Questions
from pipeline.search.places import Computed, Place, Stored
from pipeline.search.weighing import Weighing
from pipeline.search.weights import Weights
from pipeline.store import home

if TYPE_CHECKING:
    from fusion.spaces import Spaces


NUMBERS = re.compile(r"\d+")


def choose(context: Context, name: str = "") -> Kept:
    """The model that a person names: MODEL, MODEL/seedN, or a feature that holds videos and texts in one space.

    Without a name: the first that the vectors stage keeps, where its params say what to keep or nothing is trained;
    else the train stage's main model, or the first such feature. LaffError for an unknown name.
    """
    graph = context.graph
    vectors, trainings = stage_of(graph), graph.stages_of("train")
    known = {model.name: model for model in models.of(graph, trainings[0])} if trainings else {}
    if not name:
        first = vectors and (vectors.options_as(VectorOptions).models or train_of(graph, vectors) is None or not known)
        if vectors and first and (stored := kept(graph, vectors)):
            return stored[0]
        if not known:
            if pairs := _pairs(context):
                return Kept(pairs[0])
            raise LaffError(f"{graph.path} trains no model and has no feature of videos and texts: nothing to search")
        main = models.main(trainings[0])
        name = main if main in known else next(iter(known))
    word, _, seed = name.partition("/")
    if model := known.get(word):
        seeds = {f"seed{number}": number for number in model.seeds}
        if seed and seed not in seeds:
            alike = [
                one for one in seeds if NUMBERS.findall(one) == NUMBERS.findall(seed)
            ]  # seed9 is not meant as seed2
            raise LaffError(f"no '{name}': {word} has {', '.join(seeds)}{did_you_mean(seed, alike)}")
        return Kept(word, seeds[seed] if seed else model.seeds[0], model)
    pairs = _pairs(context)
    if word in pairs and not seed:
        return Kept(word)
    trained = [name for name, model in known.items() if _trained(context, model)]
    raise LaffError(
        f"no model '{name}'{did_you_mean(word, [*known, *pairs])} (trained here: {', '.join(trained) or 'none'}; "
        f"features of videos and texts: {', '.join(_made(context)) or 'none'})"
    )


def _trained(context: Context, model: models.Model) -> bool:
    """Whether a seed of a model is trained."""
    train = context.graph.of_step("train")
    return any(assemble.best(context, train, model, seed).is_file() for seed in model.seeds)


def _pairs(context: Context) -> list[str]:
    """The features that hold videos and texts in one space."""
    return [stage.name for stage in context.graph.stages.values() if {"video", "text"} <= set(stage.sides)]


def _made(context: Context) -> list[str]:
    """Those of them that are made here, at least in part."""
    return [name for name in _pairs(context) if context.work.index(name).entries]


def _label(chosen: Kept) -> str:
    """The name of a model for `--model`; with its seed, where that is not the model's first."""
    first = chosen.model is None or chosen.seed == chosen.model.seeds[0]
    return chosen.name if first else chosen.key


class Finder:
    """A model, or a feature of both sides, ready to find videos of a workspace."""

    def __init__(self, context: Context, chosen: Kept, memory: int = 0) -> None:
        """LaffError where the model is not trained as the configuration says, or what it reads is not up to date.

        memory: bytes that stored vectors may take between searches.
        """
        self.context, self.chosen, self._memory = context, chosen, memory
        self._train = context.graph.of_step("train") if chosen.model else None
        if (
            self._train
            and chosen.model
            and not assemble.best(context, self._train, chosen.model, chosen.seed).is_file()
        ):
            computed = _made(context)
            other = f", or search by a feature: --model {computed[0]}" if computed else ""
            root = context.work.root
            raise LaffError(f"{chosen.name} is not trained in {root}: `laff train -w {root}` trains it{other}")
        vectors = stage_of(context.graph)
        self._is_index = home.is_index(context.source, context.work.root)
        self._current, self._count = self._shards()
        enough = 1 if self._is_index else self._count  # an index that was cut off is searched as far as it got
        self.stored = bool(self._current) and len(self._current) >= enough
        self._check_fresh()
        self.place: Place = (
            Stored(context, vectors, chosen, self._current, memory)
            if vectors and self.stored
            else Computed(context, chosen, self._model)
        )

    @property
    def label(self) -> str:
        """The model as a person names it."""
        return _label(self.chosen)

    @property
    def notes(self) -> list[str]:
        """What a person should know: that each search makes the vectors anew, where they could be kept."""
        if self.stored and len(self._current) == self._count:
            return []
        if self.stored:
            shards = self.context.catalog.shards("video")
            videos = sum(len(shards[number]) for number in self._current)
            return [
                f"only {videos} of {len(self.context.catalog.videos)} videos can be found by {self.label}, for the "
                f"last `laff index` was cut off: {home.index_command(self.context.work.root)}"
            ]
        if stage_of(self.context.graph) is None or (self._model and self._model.scores_pairs):
            return []
        made = "were made for this session" if self._memory else "are not kept, so each search makes them"
        return [f"vectors of {self.label} {made}; `{self._keeping_command()}` keeps them"]

    def _shards(self) -> tuple[set[int], int]:
        """The shards of kept vectors that are up to date, and how many there should be."""
        stage = stage_of(self.context.graph)
        if stage is None or self.chosen.key not in [vectors.key for vectors in kept(self.context.graph, stage)]:
            return set(), 0
        state, prefix = stage_plan(self.context, stage.name), f"{self.chosen.key}/"
        current, todo = (
            {unit.shard for unit in units if unit.key.startswith(prefix)} for units in (state.cached, state.todo)
        )
        return current, len(current) + len(todo)

    def _keeping_command(self) -> str:
        """The command that keeps these vectors, and those that are kept already."""
        graph, root = self.context.graph, self.context.work.root
        stage = stage_of(graph)
        before = kept(graph, stage) if stage else []
        if self._is_index and (self._count or graph.package):
            return home.index_command(root)
        if self._is_index:
            names = dict.fromkeys([vectors.name for vectors in before] + [self.chosen.name])
            return home.index_command(root) + "".join(f" --feature {name}" for name in names)
        command = f"laff {stage.name if stage else VECTORS} -w {shlex.quote(str(root))}"
        if self._count:
            return command
        trained = [vectors for vectors in before if self._is_made(vectors)]
        names = dict.fromkeys(map(_label, [*trained, self.chosen]))
        return f"{command} --set '{stage.name if stage else VECTORS}.models=[{', '.join(names)}]'"

    def _is_made(self, vectors: Kept) -> bool:
        """Whether a model is trained; features are made when they are needed."""
        train = train_of(self.context.graph, stage) if (stage := stage_of(self.context.graph)) else None
        if vectors.model is None or train is None:
            return True
        return assemble.best(self.context, train, vectors.model, vectors.seed).is_file()

    @cached_property
    def encoders(self) -> list[assemble.Joint]:
        """Encoders that are trained inside the models."""
        return assemble.joints(self.context, self._train) if self._train else []

    @cached_property
    def _model(self) -> Spaces | None:
        """The trained model; None for a feature."""
        if self._train is None or self.chosen.model is None:
            return None
        return assemble.trained_alone(self.context, self._train, self.chosen.model, self.encoders, self.chosen.seed)

    @cached_property
    def asking(self) -> Asking:
        """What reads sentences, loaded when the first one comes."""
        return Asking(self.context, self.chosen, self.encoders, self._model)

    @cached_property
    def weighing(self) -> Weighing:
        """The model's weights of features, which a search can scale."""
        return Weighing(self.context, self.place, self.chosen.model, self._model)

    def ask(self, sentences: Sequence[str], weights: Weights) -> Questions:
        """What the model makes of sentences with weights of their features."""
        factors = weights.factors("text", self.weighing.features.text) if weights.text else None
        return self.asking.ask(sentences, factors)

    @property
    def reads(self) -> Sequence[str]:
        """The features that the model reads, without the encoders trained inside it."""
        if self.chosen.model is None:
            return (self.chosen.name,)
        joint = {encoder.name for encoder in self.encoders}
        return [*self.chosen.model.video, *(name for name in self.chosen.model.text if name not in joint)]

    def _check_fresh(self) -> None:
        """Raise LaffError where the model or its features are not as this configuration and collection make them.

        Kept vectors are up to date, and so is all that they were made from. Then only what was learned (models,
        vocabularies, fine-tunings) is looked at.
        """
        context, chosen = self.context, self.chosen
        source = self._train.name if self._train else chosen.name

        def concerns(name: str, unit: Unit) -> bool:
            of_model = name != source or chosen.model is None or unit.key == chosen.key
            return of_model and not (self.stored and unit.side)

        needed, root = context.graph.needed([source]), context.work.root
        if not self._is_index:
            word = "train" if chosen.model else source
            check_up_to_date(context, needed, f"run `laff {word} -w {root}` with these first", concerns)
        elif states := not_up_to_date(context, needed, concerns):
            name, why = states[0].stage, states[0].why
            if not self._count:
                raise LaffError(f"{self.label} is not indexed here: {self._keeping_command()}")
            if not any(state.stale for state in states):
                raise LaffError(f"{home.shown(root)} is not indexed yet: {home.index_command(root)}")
            raise LaffError(
                f"{name} of {home.shown(root)} is not up to date ({why}); give the --profile and --set that `laff "
                f"index` was given, or make it anew: {home.index_command(root)}"
            )
