"""One model of a workspace as a search needs it: where it looks, and how it reads sentences."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from pipeline.assembly import assemble
from pipeline.errors import LaffError, did_you_mean
from pipeline.graph import models
from pipeline.graph.kept import Kept, kept, stage_of, train_of
from pipeline.graph.options import VectorOptions
from pipeline.plan.context import Context
from pipeline.plan.plan import stage_plan
from pipeline.plan.units import Unit
from pipeline.plan.up_to_date import check_up_to_date
from pipeline.search.asking import Asking
from pipeline.search.places import Computed, Place, Stored


def chosen(context: Context, name: str = "") -> Kept:
    """The model that a person names: MODEL, MODEL/seedN, or a feature that holds videos and texts in one space.

    Without a name the first that the vectors stage keeps, where it is told what to keep; else the train stage's main
    model. LaffError for others.
    """
    graph = context.graph
    vectors, trainings = stage_of(graph), graph.stages_of("train")
    known = {model.name: model for model in models.of(graph, trainings[0])} if trainings else {}
    if not name:
        told = vectors and (vectors.options_as(VectorOptions).models or train_of(graph, vectors) is None or not known)
        if vectors and told and (stored := kept(graph, vectors)):
            return stored[0]
        if not known:
            raise LaffError(f"{graph.path} trains no model and keeps no vectors of a feature: nothing to search")
        main = models.main(trainings[0])
        name = main if main in known else next(iter(known))
    word, _, seed = name.partition("/")
    if model := known.get(word):
        seeds = {f"seed{one}": one for one in model.seeds}
        if seed and seed not in seeds:
            raise LaffError(f"no '{name}': {word} has {', '.join(seeds)}")
        return Kept(word, seeds[seed] if seed else model.seeds[0], model)
    pairs = [stage.name for stage in graph.stages.values() if {"video", "text"} <= set(stage.sides)]
    if word in pairs and not seed:
        return Kept(word)
    raise LaffError(
        f"no model '{name}'{did_you_mean(word, [*known, *pairs])} (trained here: {', '.join(known) or 'none'}; "
        f"features of videos and texts: {', '.join(pairs) or 'none'})"
    )


class Finder:
    """LaffError where the model is not trained as the configuration says, or what it reads is not up to date."""

    def __init__(self, context: Context, one: Kept) -> None:
        self.context, self.one = context, one
        self._train = context.graph.of_step("train") if one.model else None
        if self._train and one.model and not assemble.best(context, self._train, one.model, one.seed).is_file():
            raise LaffError(
                f"{one.name} is not trained in {context.work.root}; run `laff train` with the same -c, -w and "
                "--profile first"
            )
        vectors = stage_of(context.graph)
        self.stored = vectors is not None and self._is_kept()
        _check_fresh(context, one, self._train.name if self._train else one.name, self.stored)
        self.place: Place = (
            Stored(context, vectors, one) if vectors and self.stored else Computed(context, one, self._model)
        )

    @property
    def label(self) -> str:
        """The model as a person names it; with its seed, where that is not the model's first."""
        first = self.one.model is None or self.one.seed == self.one.model.seeds[0]
        return self.one.name if first else self.one.key

    @property
    def notes(self) -> list[str]:
        """What to know of it: that its vectors are made anew for each search, where they need not be."""
        if self.stored or stage_of(self.context.graph) is None or (self._model and self._model.scores_pairs):
            return []
        return [
            f"vectors of {self.label} are not kept, so each search makes them; `laff vectors` keeps them, with "
            "--set vectors.models=[…] others than the main model's"
        ]

    def _is_kept(self) -> bool:
        """Whether all vectors of the model stand as this configuration and collection would make them."""
        stage = stage_of(self.context.graph)
        if stage is None or self.one.key not in [one.key for one in kept(self.context.graph, stage)]:
            return False
        return not any(unit.key.startswith(f"{self.one.key}/") for unit in stage_plan(self.context, stage.name).todo)

    @cached_property
    def encoders(self) -> list[assemble.Joint]:
        """Encoders that are trained inside the models."""
        return assemble.joints(self.context, self._train) if self._train else []

    @cached_property
    def _model(self):  # type: ignore[no-untyped-def]
        if self._train is None or self.one.model is None:
            return None
        return assemble.trained_alone(self.context, self._train, self.one.model, self.encoders, self.one.seed)

    @cached_property
    def asking(self) -> Asking:
        """What reads sentences; made when the first one comes."""
        return Asking(self.context, self.one, self.encoders, self._model)

    @property
    def reads(self) -> Sequence[str]:
        """The features that it rests on, encoders inside it aside."""
        if self.one.model is None:
            return (self.one.name,)
        joint = {encoder.name for encoder in self.encoders}
        return [*self.one.model.video, *(name for name in self.one.model.text if name not in joint)]


def _check_fresh(context: Context, one: Kept, source: str, stored: bool) -> None:
    """LaffError where the model or its features are not what this configuration and collection would make now.

    Kept vectors that are up to date say this of all that videos need; of texts remains what was learned.
    """

    def concerns(name: str, unit: Unit) -> bool:
        of_model = name != source or one.model is None or unit.key == one.key
        return of_model and not (stored and unit.side)

    again = f"run `laff {'train' if one.model else 'vectors'}` with these first"
    if context.source.parent.resolve() == context.work.root.resolve():  # `laff index` wrote it
        again = f"`laff index -w {context.work.root}`, which takes in what is new, changed or gone"
    check_up_to_date(context, context.graph.needed([source]), again, concerns)
