"""The content of a package: models with a seed, pairs of features, and the stages that they need."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from pipeline.errors import LaffError, problems
from pipeline.graph import aggregators, kept
from pipeline.graph.graph import Graph, Stage
from pipeline.graph.kept import Kept
from pipeline.graph.models import Model
from pipeline.graph.options import ModelOptions
from pipeline.plan.context import Context
from pipeline.plan.units import FIT
from pipeline.plan.up_to_date import not_up_to_date
from pipeline.search.finder import chosen


@dataclass(frozen=True)
class Selection:
    """The chosen models and pairs of features, the main one first."""

    graph: Graph
    ones: list[Kept]

    @property
    def models(self) -> list[Model]:
        """The models, each once."""
        models: list[Model] = []
        for item in self.ones:
            if item.model and item.model not in models:
                models.append(item.model)
        return models

    @property
    def train(self) -> Stage | None:
        """The stage that trained the models; None where only pairs are packaged."""
        return self.graph.of_step("train") if self.models else None

    @property
    def seeds(self) -> list[int]:
        """The seeds of all models together."""
        return sorted({item.seed for item in self.ones if item.model})

    @property
    def pairs(self) -> list[str]:
        """Features that hold videos and texts in one space, and are searched by themselves."""
        return [item.name for item in self.ones if item.model is None]

    @property
    def fused(self) -> list[str]:
        """The features that the models read, in the train stage's order."""
        read = {name for model in self.models for name in (*model.video, *model.text)}
        return [name for name in (self.train.sources if self.train else ()) if name in read]

    @property
    def joint(self) -> list[str]:
        """Those fused features whose encoder is inside the models."""
        encoders = self.train.options_as(ModelOptions).joint if self.train else ()
        return [name for name in encoders if name in self.fused]

    @property
    def stages(self) -> list[Stage]:
        """The stages whose features the models need where the package is applied, in running order."""
        wanted: set[str] = set()
        waiting = [*self.fused, *self.pairs]
        while waiting:
            name = waiting.pop()
            if name not in wanted:
                wanted.add(name)
                waiting += self.sources(self.graph.stages[name])
        return [stage for name, stage in self.graph.stages.items() if name in wanted]

    def sources(self, stage: Stage) -> list[str]:
        """The stages that a stage reads where the package is applied: without those that it learned from."""
        if not stage.fitted:
            return list(stage.sources)
        return [source for source in stage.sources if not self.graph.stages[source].sides]

    @property
    def learned(self) -> list[Stage]:
        """The stages whose fit a package holds."""
        return [stage for stage in self.stages if stage.fitted and stage.name not in self.joint]


def select(context: Context, names: Sequence[str]) -> Selection:
    """The models that a person names, as `laff search --model` takes them; without names the main one.

    LaffError where one is not there, or what it learned is not up to date.
    """
    if context.graph.package:
        raise LaffError(f"{context.work.root} applies package {context.graph.package.name}; copy that one")
    ones = list({item.key: item for item in (chosen(context, name) for name in names or ("",))}.values())
    selection = Selection(context.graph, ones)
    mistakes = [reason for name in selection.pairs if (reason := _no_pair(context.graph, name))]
    for stage in selection.learned:
        mistakes += _lacks(context, stage.name, (FIT,))
    if selection.train:
        mistakes += _lacks(context, selection.train.name, [item.key for item in ones if item.model])
    if mistakes:
        raise problems(f"{context.work.root}: nothing was packaged", mistakes)
    return selection


def _no_pair(graph: Graph, name: str) -> str:
    reason = aggregators.without_vectors(graph.stages[name])
    return f"'{name}' gives no video a vector ({reason}), so it cannot be searched by itself" if reason else ""


def _lacks(context: Context, name: str, keys: Collection[str]) -> list[str]:
    """Why these units of a stage cannot be packaged."""
    reasons = []
    for state in not_up_to_date(context, [name], lambda _, unit: unit.key in keys):
        for unit in state.todo:
            what = name if unit.key == FIT else f"{name} {unit.key}"
            if unit in state.missing:
                reasons.append(f"{what} is not trained here; `laff run -w {context.work.root}` does it")
            else:
                how = "give the same --profile, --set and --name as when it was trained, or `laff run` first"
                reasons.append(f"{what} is not up to date ({state.why}); {how}")
    return reasons


def with_vectors(selection: Selection) -> list[str]:
    """The models and pairs that a vectors stage can keep, as its param `models` names them."""
    graph = selection.graph
    return [
        item.key if item.model else item.name
        for item in selection.ones
        if item.model is None or not kept.without_vectors(graph, item.model)
    ]
