"""From a grid to the rows of one collection: the graph whose train and rank stages make exactly these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter
from typing import Any

from pipeline.compare.grid import ALL, SIDES, Grid
from pipeline.errors import LaffError, did_you_mean, problems
from pipeline.graph.graph import Graph, Stage
from pipeline.graph.models import main, of
from pipeline.store.workspace import COMPARISONS


@dataclass
class Rows:
    """What a grid comes to on a collection."""

    graph: Graph
    names: list[str]  # rows that can be made, in the grid's order: models, then pairs
    roles: dict[str, str] = field(default_factory=dict)  # what `$name` stands for
    left_out: dict[str, str] = field(default_factory=dict)  # row -> why
    notes: dict[str, str] = field(default_factory=dict)
    features: dict[str, list[str]] = field(default_factory=dict)  # side -> what the train stage fuses

    @property
    def models(self) -> list[str]:
        """Those that are trained."""
        rank = self.graph.of_step("rank")
        return list(self.graph.stages[rank.sources[0]].options["baselines"])

    def without(self, failed: Mapping[str, str]) -> Rows:
        """The same without models that came to nothing (row -> why)."""
        rank = self.graph.of_step("rank")
        train = self.graph.stages[rank.sources[0]]
        kept = {name: entry for name, entry in train.options["baselines"].items() if name not in failed}
        graph = _with(self.graph, [replace(train, options=train.options | {"baselines": kept}), rank])
        names = [name for name in self.names if name not in failed]
        return replace(self, graph=graph, names=names, left_out=self.left_out | dict(failed))


@dataclass(frozen=True)
class RunRows:
    """Rows of a run that a person wants in the comparison too."""

    singles: bool = False  # the train stage's own block on each of its video features alone
    pairs: Mapping[str, Sequence[str]] = field(default_factory=dict)  # rows without training, as rank.pairs has them


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
        name = self.value(word)
        stage = self.graph.stages.get(name)
        if stage is not None and side in stage.sides:
            return name
        known = [other.name for other in self.graph.stages.values() if side in other.sides]
        what = f"no stage makes a {side} feature '{name}'{did_you_mean(name, known)}"
        raise _Missing(f"{what}; name yours by --role {word[1:]}=FEATURE" if word.startswith("$") else what)

    def features(self, words: Sequence[str], side: str) -> list[str]:
        """The features that a list means, each once; -NAME takes one out of those before it, which must be there."""
        found: list[str] = []
        for word in words:
            if word.startswith("-"):
                name = self.feature(word[1:], side) if word.startswith("-$") else word[1:]
                if name not in found:
                    why = f"{word} takes no {side} feature out: '{name}' is not among {', '.join(found) or 'none'}"
                    if name in self.graph.stages:
                        raise _Missing(why)  # it is a feature, but none of these
                    raise LaffError(why + did_you_mean(name, found))
                found = [one for one in found if one != name]
            else:
                found += self.whole[side] if word == f"${ALL}" else [self.feature(word, side)]
        if not found:
            raise _Missing(f"no {side} feature is left of {', '.join(words)}")
        return list(dict.fromkeys(found))

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

    `run` are rows of a run to stand beside those of the grid; its pair takes the place of a pair of the same name.
    Rows whose features no stage makes are left out, with the reason. LaffError with everything else that is wrong.
    """
    wrong = [
        f"--role {role}: the grid has no such role{did_you_mean(role, list(grid.roles))}"
        for role in given
        if role not in grid.roles
    ]
    rank = graph.of_step("rank")
    train = graph.stages[rank.sources[0]]
    own = dict(zip(SIDES, graph.features(train.name), strict=True))
    roles = {role: given.get(role, name) for role, name in grid.roles.items()}
    models: dict[str, dict[str, Any]] = {}
    pairs: dict[str, list[str]] = {}
    made = Rows(graph, [], roles, features=own)
    for subset, name, entry in _multiplied(grid):
        try:
            words = _Words(graph, roles, own)
            words.whole = own | {side: words.features(names, side) for side, names in subset.items()}
            models[name] = _entry(words, entry)
            if entry.get("note"):
                made.notes[name] = str(entry["note"])
        except _Missing as error:
            made.left_out[name] = str(error)
        except LaffError as error:
            wrong.append(f"model '{name}': {error}")
    run = run or RunRows()
    singles = _singles(train, own) if run.singles else {}
    wrong += [
        f"train.singles: the row '{name}' stands twice; give the model another name"
        for name in singles
        if name in models or name in made.left_out
    ]
    models |= singles
    for key, pair in _pairs(grid, roles, run).items():
        words, name = _Words(graph, roles, own), key
        try:
            name = words.value(key)
            if name in pairs or name in grid.models or name in singles:
                raise LaffError(f"the row '{name}' stands twice; give the model or pair another name")
            pairs[name] = [words.feature(word, side) for word, side in zip(pair, SIDES, strict=True)]
        except _Missing as error:
            made.left_out[name] = str(error)
        except LaffError as error:
            wrong.append(f"pair '{name}': {error}")
    if not models and not wrong:
        reasons = [f"{name}: {why}" for name, why in made.left_out.items()]
        raise problems(f"{grid.path}: none of its models can be made here", reasons)
    used = [name for entry in models.values() for side in SIDES for name in entry[side]]
    used += [name for pair in pairs.values() for name in pair]
    sources = tuple(dict.fromkeys((*train.sources, *used)))
    options = {"own": False, "singles": False, "baselines": models, "seeds": list(seeds or grid.seeds)}
    options["seeds"] = options["seeds"] or train.options["seeds"]
    folder = f"{COMPARISONS}/{grid.name}"  # of its own, so that no row replaces what a run or another grid has made
    train = replace(train, name=f"{folder}/{train.name}", sources=sources, options=train.options | options)
    options = rank.options | {"pairs": pairs}
    rank = replace(rank, name=f"{folder}/{rank.name}", sources=(train.name,), options=options)
    made.graph = _with(graph, [train, rank])
    made.names = [*models, *pairs]
    try:
        if models:
            of(made.graph, train, called="model")
    except LaffError as error:
        wrong += error.problems
    if wrong:
        raise problems(str(grid.path), wrong)
    return made


def _multiplied(grid: Grid) -> list[tuple[dict[str, list[str]], str, dict[str, Any]]]:
    """Each model over each subset of features: the subset, the row's name, the model's entry.

    A subset that says nothing is all features: its rows keep the model's name, by which `laff run` has them too.
    A model that names all of its features itself is one row.
    """
    found = []
    for name, entry in grid.models.items():
        subsets = grid.features or {"": {}}
        if not any(f"${ALL}" in entry.get(side, [f"${ALL}"]) for side in SIDES):
            subsets = {"": {}}
        found += [(subset, f"{name}@{key}" if subset else name, entry) for key, subset in subsets.items()]
    return found


def _singles(train: Stage, own: Mapping[str, list[str]]) -> dict[str, dict[str, Any]]:
    """The train stage's block on each of its video features alone, named as in a run; none of a single feature."""
    names = own["video"] if len(own["video"]) > 1 else []
    return {f"{main(train)}-{name}": {"uses": train.uses, "video": [name], "text": own["text"]} for name in names}


def _pairs(grid: Grid, roles: Mapping[str, str], run: RunRows) -> dict[str, Sequence[str]]:
    """The pairs of the grid but for those that the run names, then the run's."""
    kept = {key: pair for key, pair in grid.pairs.items() if roles.get(key.removeprefix("$"), key) not in run.pairs}
    return kept | dict(run.pairs)


def _entry(words: _Words, entry: dict[str, Any]) -> dict[str, Any]:
    """A model's entry as a train stage takes it: all features named, in their order."""
    found = {key: value for key, value in entry.items() if key not in ("note", *SIDES)}
    for side in SIDES:
        names = entry.get(side, [f"${ALL}"])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise LaffError(f"{side} should list features, not {names!r}")
        found[side] = words.features(names, side)
    used = {*found["video"], *found["text"]}
    if isinstance(found.get("params"), dict):
        for word in _words_in(found["params"]):
            if words.value(word) not in used:
                raise _Missing(
                    f"{word} is '{words.value(word)}', which is none of its features ({', '.join(sorted(used))}); "
                    f"put it into the train stage's from, or name yours by --role {word[1:]}=FEATURE"
                )
        found["params"] = words.value(found["params"])
    return found


def _words_in(value: Any) -> list[str]:
    """The $words of a parameter's value."""
    if isinstance(value, list | dict):
        return [word for one in (value.values() if isinstance(value, dict) else value) for word in _words_in(one)]
    return [value] if isinstance(value, str) and value.startswith("$") else []


def _with(graph: Graph, changed: Sequence[Stage]) -> Graph:
    """The graph with these stages where it trains and ranks, in an order in which they can run.

    A comparison has no other stages that need a training, such as evaluate and report.
    """
    train = graph.of_step("rank").sources[0]
    kept = {name: stage for name, stage in graph.stages.items() if train not in graph.needed([name])}
    stages = kept | {stage.name: stage for stage in changed}
    order = TopologicalSorter({name: stage.sources for name, stage in stages.items()}).static_order()
    return replace(graph, stages={name: stages[name] for name in order})
