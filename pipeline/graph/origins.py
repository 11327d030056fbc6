"""Where each setting of a graph comes from: a file and line, a profile, --set, a stage, an entry of weights, a default.

Lines are looked up when they are asked for, since that takes a while; a graph itself knows no lines.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline import yamls
from pipeline.graph.graph import Graph, Stage, Weights
from pipeline.graph.published import CATALOGUE
from pipeline.graph.stages_file import Entry, StagesFile, is_shipped
from pipeline.parts.binding import Params
from pipeline.parts.classes import Parameter, part, plugged
from pipeline.parts.code import ROOT, PartError

DEFAULT, FILE, PROFILE, SET = "default", "stages file", "profile", "set"
WEIGHTS, CHOSEN = "weights", "chosen"
NESTED = {"fit", "aggregate_params"}  # params that are mappings with defaults of their own


@dataclass(frozen=True)
class Origin:
    """Where a value comes from."""

    kind: str  # DEFAULT, FILE, PROFILE, SET, WEIGHTS (an entry of weights), CHOSEN (by laff)
    text: str  # in words, with the place: 'profile small, stages.yaml:141'


DEFAULT_OF_LAFF = Origin(DEFAULT, "laff's own")


@dataclass(frozen=True)
class Resolved:
    """One setting of a stage with the value that counts."""

    key: str  # as `--set STAGE.key=…` takes it; also step, uses, from and on
    value: Any  # that JSON and YAML can hold
    origin: Origin


def resolved(graph: Graph) -> dict[str, list[Resolved]]:
    """{stage: its settings with their origins}, in the graph's order; without those that have no value.

    The file of the graph is read again for its lines: of one that has changed since, they may be others.
    """
    reader = _Reader(graph)
    return {name: list(reader.settings(stage)) for name, stage in graph.stages.items()}


class _Reader:
    """Finds the origins of a graph's settings."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.entries = StagesFile(graph.path).entries  # {} where the file is gone
        self.shown = place(graph.path)

    def settings(self, stage: Stage) -> Iterator[Resolved]:
        """The settings of a stage: how it stands in the graph, the params of its class, those of its step."""
        entry = self.entries.get(stage.name, {})
        yield Resolved("step", stage.step, self._standing(stage, entry, "step"))
        if stage.uses:
            yield Resolved("uses", stage.uses, self._standing(stage, entry, "uses"))
        elif stage.lender and stage.part:
            yield Resolved("uses", stage.part.path, self._of_lender(stage, "uses"))
        if stage.sources:
            from_ = Origin(CHOSEN, stage.completed) if stage.completed else self._standing(stage, entry, "from")
            yield Resolved("from", list(stage.sources), from_)
        if stage.about.computes:
            yield Resolved("on", stage.on, self._standing(stage, entry, "on"))
        yield from self._params(stage, entry, stage.params, stage.part.parameters if stage.part else {})
        yield from self._params(stage, entry, stage.options, stage.about.parameters)

    def _params(
        self, stage: Stage, entry: Entry, values: Params, parameters: Mapping[str, Parameter]
    ) -> Iterator[Resolved]:
        for key, value in values.items():
            if key in NESTED and isinstance(value, dict):
                inner = self._inner(stage, key)
                for name, nested in value.items():
                    yield Resolved(
                        f"{key}.{name}", plain(nested), self._origin(stage, entry, (key, name), inner.get(name))
                    )
            else:
                yield Resolved(key, plain(value), self._origin(stage, entry, (key,), parameters.get(key)))

    def _inner(self, stage: Stage, key: str) -> Mapping[str, Parameter]:
        """The parameters behind a mapping of NESTED."""
        if key == "fit":
            return part("pipeline.graph.recipe.Fit").parameters
        try:
            return plugged(stage.aggregator.uses, self.graph.trusted).parameters if stage.aggregator else {}
        except PartError:
            return {}

    def _origin(self, stage: Stage, entry: Entry, keys: tuple[str, ...], parameter: Parameter | None) -> Origin:
        """The origin of a param, or of a key of a param that is a mapping."""
        inside = [self._later(stage, key) for key in stage.later if key.startswith(f"{'.'.join(keys)}.")]
        base = self._base(stage, entry, keys)
        if base is None and not inside:
            return _default(parameter)
        return _joined([*([base] if base else []), *inside])

    def _base(self, stage: Stage, entry: Entry, keys: tuple[str, ...]) -> Origin | None:
        """The origin of a param or of a key of it, without the keys inside it; None for a default."""
        if keys == ("head_rate",) and stage.aggregator and "head_rate" in stage.later:
            learns = plugged(stage.aggregator.uses, self.graph.trusted).constants.get("learns", True)
            if not learns:
                return Origin(CHOSEN, f"no effect: {stage.aggregator.uses} has no weights")
        for key, (_, value) in reversed([*stage.later.items()]):  # the last one counts
            above = tuple(key.split(".", 1))
            if keys[: len(above)] == above:
                return self._later(stage, key) if _inside(value, keys[len(above) :]) else None
        if _inside(entry.get("params"), keys):
            return Origin(FILE, self._line("stages", stage.name, "params", *keys))
        if stage.lender and stage.part and keys[0] in stage.part.parameters:
            return self._of_lender(stage, keys[0])
        weights = self.graph.weights.get(str(stage.params.get("weights")))
        if weights and keys[0] in weights.params and keys[0] in stage.params:
            return Origin(WEIGHTS, f"weights {weights.name}{self._of_weights(weights)}")
        return None

    def _standing(self, stage: Stage, entry: Entry, key: str) -> Origin:
        """The origin of step, uses, from or on."""
        if key in stage.later:
            return self._later(stage, key)
        if key in entry:
            return Origin(FILE, self._line("stages", stage.name, key))
        return DEFAULT_OF_LAFF

    def _later(self, stage: Stage, key: str) -> Origin:
        """The origin of what a profile or a setting says."""
        who, _ = stage.later[key]
        if who.startswith("--set "):
            return Origin(SET, who)
        name = self.graph.profile or ""
        return Origin(PROFILE, f"{who}, {self._line('profiles', name, stage.name, key)}")

    def _of_lender(self, stage: Stage, key: str) -> Origin:
        """The origin of what a stage takes over from the one that trained its part."""
        lender = self.graph.stages[stage.lender]
        of_lender = next((one.origin for one in self.settings(lender) if one.key == key), DEFAULT_OF_LAFF)
        return Origin(of_lender.kind, f"as '{lender.name}' has it: {of_lender.text}")

    def _of_weights(self, weights: Weights) -> str:
        """Where an entry of weights stands; '' for one that a name such as open_clip:MODEL/TAG stands for."""
        if (line := _lines(self.graph.path).get(("weights", weights.name))) is not None:
            return f", {self.shown}:{line}"
        line = _lines(CATALOGUE).get((weights.name,))
        return f", {place(CATALOGUE)}:{line}" if line else ""

    def _line(self, *keys: str) -> str:
        """The file with the line of a key; of the nearest key above it that has a line."""
        known = _lines(self.graph.path)
        for end in range(len(keys), 0, -1):
            if line := known.get(keys[:end]):
                return f"{self.shown}:{line}"
        return self.shown


def _inside(value: Any, keys: tuple[str, ...]) -> bool:
    """Whether a mapping has a value behind these keys, one inside the other."""
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True


def _joined(origins: list[Origin]) -> Origin:
    """One origin of a value that comes from several places: the kind of the last, the words of all."""
    return Origin(origins[-1].kind, "; ".join(dict.fromkeys(one.text for one in origins)))


def _default(parameter: Parameter | None) -> Origin:
    file, line = parameter.places[0] if parameter and parameter.places else (None, 0)
    return Origin(DEFAULT, f"{place(file)}:{line}") if file else DEFAULT_OF_LAFF


@cache
def _lines(path: Path) -> dict[tuple[str, ...], int]:
    return yamls.lines(path)


def place(path: Path) -> str:
    """A file as an origin names it: from laff's own folder or from here on, where it is in one of them."""
    if path.suffix == ".yaml" and path.is_file() and is_shipped(path):
        return path.name
    for folder in (ROOT, Path.cwd()):
        if path.absolute().is_relative_to(folder):
            return str(path.absolute().relative_to(folder))
    return str(path)


def plain(value: Any) -> Any:
    """A value as JSON and YAML can hold it: tuples and sets as lists, keys as text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
