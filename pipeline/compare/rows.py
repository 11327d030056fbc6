"""From a grid to the rows of one collection: the graph whose train and rank stages make exactly these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from typing import Any

from pipeline.compare.grid import ALL, SIDES, Grid
from pipeline.errors import LaffError, Problems, did_you_mean, meant
from pipeline.graph import rescoring
from pipeline.graph.graph import Graph, Stage
from pipeline.graph.models import main, of
from pipeline.graph.models import rows as table_rows
from pipeline.graph.options import ModelOptions, PairOptions
from pipeline.store.workspace import COMPARISONS


@dataclass
class Rows:
    """The rows of a grid that can be made on a collection, and the graph that makes them."""

    graph: Graph
    names: list[str]  # rows that can be made, in the grid's order: models, then pairs
    roles: dict[str, str] = field(default_factory=dict)  # what `$name` stands for
    left_out: dict[str, str] = field(default_factory=dict)  # row -> why
    notes: dict[str, str] = field(default_factory=dict)
    features: dict[str, list[str]] = field(default_factory=dict)  # side -> what the train stage fuses

    @property
    def models(self) -> list[str]:
        """The names of the rows that are trained."""
        rank = self.graph.of_step("rank")
        return list(self.graph.stages[rank.sources[0]].options_as(ModelOptions).baselines)

    def without(self, failed: Mapping[str, str]) -> Rows:
        """These rows without the models that came to nothing (row -> why)."""
        rank = self.graph.of_step("rank")
        train = self.graph.stages[rank.sources[0]]
        kept = {name: entry for name, entry in train.options_as(ModelOptions).baselines.items() if name not in failed}
        plain = [name for name in self.names if name not in failed and rescoring.SIGN not in name]
        rescore = rescoring.among(rank.options_as(PairOptions).rescore, plain)
        rank = replace(rank, options=rank.options | {"rescore": rescore})
        graph = _with(self.graph, [replace(train, options=train.options | {"baselines": kept}), rank])
        again = [second.name for second in rescoring.seconds(rescore, plain)]
        return replace(self, graph=graph, names=[*plain, *again], left_out=self.left_out | dict(failed))


@dataclass(frozen=True)
class RunRows:
    """Rows of a run that a person wants in the comparison as well."""

    singles: bool = False  # the train stage's own block on each of its video features alone
    pairs: Mapping[str, Sequence[str]] = field(default_factory=dict)  # rows without training, as rank.pairs has them
    rescore: rescoring.Asked = field(default_factory=dict)  # second scoring, as rank.rescore has it


class _Missing(Exception):
    """A row needs a feature that the collection does not have."""


@dataclass
class _Words:
    """What `$word` stands for in one row."""

    graph: Graph
    roles: dict[str, str]
    whole: dict[str, list[str]]  # side -> what $all stands for

    def feature(self, word: str, side: str) -> str:
        """The feature that a word means; _Missing where no stage makes it for this side."""
        name = str(self.value(word))
        stage = self.graph.stages.get(name)
        if stage is not None and side in stage.sides:
            return name
        known = [other.name for other in self.graph.stages.values() if side in other.sides]
        what = f"no stage makes a {side} feature '{name}'{did_you_mean(name, known)}"
        raise _Missing(f"{what}; name yours by --role {word[1:]}=FEATURE" if word.startswith("$") else what)

    def features(self, words: Sequence[str], side: str) -> list[str]:
        """The features that a list means, each once; -NAME leaves out a feature that stands before it in the list."""
        names: list[str] = []
        for word in words:
            if word.startswith("-"):
                name = self.feature(word[1:], side) if word.startswith("-$") else word[1:]
                if name not in names:
                    why = f"{word} takes no {side} feature out: '{name}' is not among {', '.join(names) or 'none'}"
                    if name in self.graph.stages:
                        raise _Missing(why)  # it is a feature, but none of these
                    raise LaffError(why + did_you_mean(name, names))
                names = [one for one in names if one != name]
            else:
                names += self.whole[side] if word == f"${ALL}" else [self.feature(word, side)]
        if not names:
            raise _Missing(f"no {side} feature is left of {', '.join(words)}")
        return list(dict.fromkeys(names))

    def value(self, value: Any) -> Any:
        """A parameter's value with its roles put in."""
        if isinstance(value, list):
            return [self.value(one) for one in value]
        if isinstance(value, dict):
            return {key: self.value(one) for key, one in value.items()}
        if not isinstance(value, str) or not value.startswith("$"):
            return value
        if value[1:] not in self.roles:
            known = [f"${role}" for role in (*self.roles, ALL)]
            raise LaffError(f"'{value}' is no role{did_you_mean(value, known)}; roles are {', '.join(known)}")
        return self.roles[value[1:]]


def rows(
    grid: Grid, graph: Graph, given: Mapping[str, str], seeds: Sequence[int] = (), run: RunRows | None = None
) -> Rows:
    """The rows of a grid; `given` are roles that the person names, `seeds` those in place of the grid's.

    `run` are rows of a run that are added to those of the grid; its pair replaces a pair of the same name. Rows whose
    features no stage makes are left out, with the reason. LaffError with everything else that is wrong.
    """
    problems = Problems(
        f"--role {role}: the grid has no such role{meant(role, list(grid.roles))}"
        for role in given
        if role not in grid.roles
    )
    rank = graph.of_step("rank")
    train = graph.stages[rank.sources[0]]
    features = dict(zip(SIDES, graph.features(train.name), strict=True))
    roles = {role: given.get(role, name) for role, name in grid.roles.items()}
    models: dict[str, dict[str, Any]] = {}
    pairs: dict[str, list[str]] = {}
    grid_rows = Rows(graph, [], roles, features=features)
    for subset, name, entry in _multiplied(grid):
        try:
            words = _Words(graph, roles, features)
            words.whole = features | {side: words.features(names, side) for side, names in subset.items()}
            models[name] = _entry(words, entry)
            if entry.get("note"):
                grid_rows.notes[name] = str(entry["note"])
        except _Missing as error:
            grid_rows.left_out[name] = str(error)
        except LaffError as error:
            problems.extend(error.problems, f"model '{name}'")
    run = run or RunRows()
    singles = _singles(train, features) if run.singles else {}
    problems.extend(
        f"train.singles: the row '{name}' is listed twice; give the model another name"
        for name in singles
        if name in models or name in grid_rows.left_out
    )
    models |= singles
    for key, pair in _pairs(grid, roles, run).items():
        words, name = _Words(graph, roles, features), key
        try:
            name = words.value(key)
            if name in pairs or name in grid.models or name in singles:
                raise LaffError(f"the row '{name}' is listed twice; give the model or pair another name")
            pairs[name] = [words.feature(word, side) for word, side in zip(pair, SIDES, strict=True)]
        except _Missing as error:
            grid_rows.left_out[name] = str(error)
        except LaffError as error:
            problems.extend(error.problems, f"pair '{name}'")
    if not models and not problems:
        reasons = Problems(f"{name}: {why}" for name, why in grid_rows.left_out.items())
        raise reasons.error(f"{grid.path}: none of its models can be made here")
    used = [name for entry in models.values() for side in SIDES for name in entry[side]]
    used += [name for pair in pairs.values() for name in pair]
    sources = tuple(dict.fromkeys((*train.sources, *used)))
    of_models = {"own": False, "singles": False, "baselines": models}
    of_models["seeds"] = list(seeds or grid.seeds) or train.options_as(ModelOptions).seeds
    folder = f"{COMPARISONS}/{grid.name}"  # of its own, so that no row replaces what a run or another grid has made
    train = replace(train, name=f"{folder}/{train.name}", sources=sources, options=train.options | of_models)
    rescore = rescoring.among(run.rescore, [*models, *pairs])
    grid_rows.left_out |= rescoring.lacking(run.rescore, [*models, *pairs])
    options = rank.options | {"pairs": pairs, "rescore": rescore}
    rank = replace(rank, name=f"{folder}/{rank.name}", sources=(train.name,), options=options)
    grid_rows.graph = _with(graph, [train, rank])
    grid_rows.names = [*models, *pairs]
    try:
        if models:
            of(grid_rows.graph, train, called="model")
        if rescore and not problems:
            grid_rows.names = [row.name for row in table_rows(grid_rows.graph, rank)]
    except LaffError as error:
        problems.extend(error.problems)
    problems.check(grid.path)
    return grid_rows


def _multiplied(grid: Grid) -> list[tuple[dict[str, list[str]], str, dict[str, Any]]]:
    """Each model with each subset of features: the subset, the row's name, the model's entry.

    A grid without subsets has all features: its rows keep the model's name, as `laff run` has them too. A model that
    names all of its features itself is one row.
    """
    multiplied = []
    for name, entry in grid.models.items():
        subsets = grid.features or {"": {}}
        if not any(f"${ALL}" in entry.get(side, [f"${ALL}"]) for side in SIDES):
            subsets = {"": {}}
        multiplied += [(subset, f"{name}@{key}" if subset else name, entry) for key, subset in subsets.items()]
    return multiplied


def _singles(train: Stage, features: Mapping[str, list[str]]) -> dict[str, dict[str, Any]]:
    """The train stage's block on each of its video features alone, named as in a run; none of a single feature."""
    names = features["video"] if len(features["video"]) > 1 else []
    return {f"{main(train)}-{name}": {"uses": train.uses, "video": [name], "text": features["text"]} for name in names}


def _pairs(grid: Grid, roles: Mapping[str, str], run: RunRows) -> dict[str, Sequence[str]]:
    """The pairs of the grid but for those that the run names, then the run's."""
    kept = {key: pair for key, pair in grid.pairs.items() if roles.get(key.removeprefix("$"), key) not in run.pairs}
    return kept | dict(run.pairs)


def _entry(words: _Words, entry: dict[str, Any]) -> dict[str, Any]:
    """A model's entry as a train stage takes it: all features named, in their order."""
    completed = {key: value for key, value in entry.items() if key not in ("note", *SIDES)}
    for side in SIDES:
        names = entry.get(side, [f"${ALL}"])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise LaffError(f"{side} should list features, not {names!r}")
        completed[side] = words.features(names, side)
    used = {*completed["video"], *completed["text"]}
    if isinstance(completed.get("params"), dict):
        for word in _words_in(completed["params"]):
            if words.value(word) not in used:
                raise _Missing(
                    f"{word} is '{words.value(word)}', which is none of its features ({', '.join(sorted(used))}); "
                    f"put it into the train stage's from, or name yours by --role {word[1:]}=FEATURE"
                )
        completed["params"] = words.value(completed["params"])
    return completed


def _words_in(value: Any) -> list[str]:
    """The $words of a parameter's value."""
    if isinstance(value, list | dict):
        return [word for one in (value.values() if isinstance(value, dict) else value) for word in _words_in(one)]
    return [value] if isinstance(value, str) and value.startswith("$") else []


def _with(graph: Graph, replaced: Sequence[Stage]) -> Graph:
    """The graph with these stages where it trains and ranks, in an order in which they can run.

    A comparison has no other stages that need a training, such as evaluate and report.
    """
    train = graph.of_step("rank").sources[0]
    kept = {name: stage for name, stage in graph.stages.items() if train not in graph.needed([name])}
    stages = kept | {stage.name: stage for stage in replaced}
    order = TopologicalSorter({name: stage.sources for name, stage in stages.items()}).static_order()
    return replace(graph, stages={name: stages[name] for name in order})
