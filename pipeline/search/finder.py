"""One model of a workspace as a search needs it: where it looks for videos, and how it reads sentences."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from fusion.spaces import Spaces


def choose(context: Context, name: str = "") -> Kept:
    """The model that a person names: MODEL, MODEL/seedN, or a feature that holds videos and texts in one space.

    Without a name: the first that the vectors stage keeps, where its params say what to keep or nothing is trained;
    else the train stage's main model. LaffError for an unknown name.
    """
    graph = context.graph
    vectors, trainings = stage_of(graph), graph.stages_of("train")
    known = {model.name: model for model in models.of(graph, trainings[0])} if trainings else {}
    if not name:
        first = vectors and (vectors.options_as(VectorOptions).models or train_of(graph, vectors) is None or not known)
        if vectors and first and (stored := kept(graph, vectors)):
            return stored[0]
        if not known:
            raise LaffError(f"{graph.path} trains no model and keeps no vectors of a feature: nothing to search")
        main = models.main(trainings[0])
        name = main if main in known else next(iter(known))
    word, _, seed = name.partition("/")
    if model := known.get(word):
        seeds = {f"seed{number}": number for number in model.seeds}
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
    """A model, or a feature of both sides, ready to find videos of a workspace."""

    def __init__(self, context: Context, chosen: Kept) -> None:
        """LaffError where the model is not trained as the configuration says, or what it reads is not up to date."""
        self.context, self.chosen = context, chosen
        self._train = context.graph.of_step("train") if chosen.model else None
        if (
            self._train
            and chosen.model
            and not assemble.best(context, self._train, chosen.model, chosen.seed).is_file()
        ):
            raise LaffError(
                f"{chosen.name} is not trained in {context.work.root}; run `laff train` with the same -c, -w and "
                "--profile first"
            )
        vectors = stage_of(context.graph)
        self.stored = vectors is not None and self._is_kept()
        _check_fresh(context, chosen, self._train.name if self._train else chosen.name, self.stored)
        self.place: Place = (
            Stored(context, vectors, chosen) if vectors and self.stored else Computed(context, chosen, self._model)
        )

    @property
    def label(self) -> str:
        """The model as a person names it; with its seed, where that is not the model's first."""
        first = self.chosen.model is None or self.chosen.seed == self.chosen.model.seeds[0]
        return self.chosen.name if first else self.chosen.key

    @property
    def notes(self) -> list[str]:
        """What a person should know: that each search makes the vectors anew, where they could be kept."""
        if self.stored or stage_of(self.context.graph) is None or (self._model and self._model.scores_pairs):
            return []
        return [
            f"vectors of {self.label} are not kept, so each search makes them; `laff vectors` keeps them, with "
            "--set vectors.models=[…] others than the main model's"
        ]

    def _is_kept(self) -> bool:
        """Whether all vectors of the model stand as this configuration and collection would make them."""
        stage = stage_of(self.context.graph)
        if stage is None or self.chosen.key not in [vectors.key for vectors in kept(self.context.graph, stage)]:
            return False
        return not any(unit.key.startswith(f"{self.chosen.key}/") for unit in stage_plan(self.context, stage.name).todo)

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

    @property
    def reads(self) -> Sequence[str]:
        """The features that the model reads, without the encoders trained inside it."""
        if self.chosen.model is None:
            return (self.chosen.name,)
        joint = {encoder.name for encoder in self.encoders}
        return [*self.chosen.model.video, *(name for name in self.chosen.model.text if name not in joint)]


def _check_fresh(context: Context, chosen: Kept, source: str, stored: bool) -> None:
    """Raise LaffError where the model or its features are not what this configuration and collection would make now.

    source: the stage that made it. stored: whether vectors are kept; they are up to date, and so is all that they were
    made from. Then only what was learned (models, vocabularies, fine-tunings) is looked at.
    """

    def concerns(name: str, unit: Unit) -> bool:
        of_model = name != source or chosen.model is None or unit.key == chosen.key
        return of_model and not (stored and unit.side)

    again = f"run `laff {'train' if chosen.model else 'vectors'}` with these first"
    if context.source.parent.resolve() == context.work.root.resolve():  # `laff index` wrote it
        again = f"`laff index -w {context.work.root}`, which takes in what is new, changed or gone"
    check_up_to_date(context, context.graph.needed([source]), again, concerns)
