"""A grid: the file that says which models are compared, over which features, and against which published figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline import yamls
from pipeline.compare import quotes
from pipeline.errors import LaffError, Problems, did_you_mean
from pipeline.graph.baselines import KEYS as MODEL_KEYS
from pipeline.graph.models import CHANCE, NAME
from pipeline.published.table import Table

SHIPPED = Path(__file__).with_name("grids")
KEYS = ("about", "roles", "seeds", "against", "models", "pairs", "features", "quoted")
OWN_KEYS = (*MODEL_KEYS, "note")  # of a model's entry
SIDES = ("video", "text")
ALL = "all"  # $all: the features of the train stage, or of a subset


@dataclass(frozen=True)
class Grid:
    """What a grid file says, its form checked; what its models are made of is checked where the stages are known."""

    name: str
    path: Path
    about: str
    models: dict[str, dict[str, Any]]  # as the baselines of a train stage, with a note besides
    # Rows without training: [video feature, text feature]; a row named `$role` has the name of the role's feature.
    pairs: dict[str, list[str]] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)  # what `$name` stands for
    seeds: tuple[int, ...] = ()  # none: those of the train stage
    against: str = ""
    features: dict[str, dict[str, list[str]]] = field(default_factory=dict)  # subsets: {video: […], text: […]}
    quoted: tuple[Table, ...] = ()  # published figures, which stand apart


def shipped() -> list[str]:
    """Names of the grids that come with laff."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def load(name: str) -> Grid:
    """The grid of a file, or a shipped one by its name. LaffError lists all that is wrong with its form."""
    path = Path(name)
    if not path.suffix and not path.is_file():
        path = SHIPPED / f"{name}.yaml"
        if not path.is_file():
            known = shipped()
            raise LaffError(
                f"no grid '{name}'{did_you_mean(name, known)}; shipped are {', '.join(known)}; or give a YAML file"
            )
    if path.stem in shipped() and path.resolve().parent != SHIPPED:
        raise LaffError(
            f"{path}: a grid named '{path.stem}' comes with laff, and the table goes by the name; rename yours"
        )
    whole = yamls.load(path)
    if not isinstance(whole, dict) or not isinstance(whole.get("models"), dict) or not whole["models"]:
        raise LaffError(f"{path}: has no 'models:' mapping; {SHIPPED / 'blocks.yaml'} shows the form of a grid")
    problems = Problems(_unknown("the grid", whole, KEYS))
    for key in ("roles", "pairs", "features"):
        if not isinstance(whole.get(key) or {}, dict):
            problems.add(f"{key} should be a mapping, not {whole[key]!r}")
            whole[key] = {}
    grid = Grid(
        name=path.stem,
        path=path,
        about=str(whole.get("about", "")),
        models=_models(whole["models"], problems),
        pairs=_pairs(whole.get("pairs") or {}, problems),
        roles=_roles(whole.get("roles") or {}, problems),
        seeds=_seeds(whole.get("seeds", []), problems),
        against=str(whole.get("against", "")),
        features=_features(whole.get("features") or {}, problems),
        quoted=quotes.read(whole.get("quoted"), problems),
    )
    problems.extend(_row_problems(grid))
    problems.check(path)
    return grid


def _unknown(where: str, entry: Mapping[Any, Any], keys: Sequence[str]) -> list[str]:
    """A problem for each key of an entry that is none of `keys`."""
    return [f"{where} has an unknown key '{key}'{did_you_mean(str(key), keys)}" for key in entry if key not in keys]


def _models(raw: dict[Any, Any], problems: Problems) -> dict[str, dict[str, Any]]:
    """Entries of models by name; what is wrong with them goes to `problems`, as in the functions below."""
    models = {}
    for name, value in raw.items():
        entry = {"uses": value} if isinstance(value, str) else value
        if not isinstance(entry, dict):
            problems.add(f"model '{name}' should be a dotted path or a mapping, not {value!r}")
            continue
        problems.extend(_unknown(f"model '{name}'", entry, OWN_KEYS))
        for side in SIDES:
            if side in entry and (wrong := _no_names(entry[side])):
                problems.add(f"model '{name}': {side} {wrong}")
        models[str(name)] = entry
    return models


def _no_names(value: Any) -> str:
    """What is wrong with a list of features; '' for nothing."""
    if isinstance(value, list) and value and all(isinstance(one, str) and one for one in value):
        return ""
    return f"should list at least one feature, not {value!r}"


def _pairs(raw: dict[Any, Any], problems: Problems) -> dict[str, list[str]]:
    """Pairs of features by row."""
    for name, pair in raw.items():
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(one, str) for one in pair):
            problems.add(f"pairs: '{name}' should be [video feature, text feature], not {pair!r}")
    return {str(name): pair for name, pair in raw.items() if isinstance(pair, list) and len(pair) == 2}


def _roles(raw: dict[Any, Any], problems: Problems) -> dict[str, str]:
    """Features by role."""
    problems.extend(
        [f"roles: '{name}' should be a feature's name, not {to!r}" for name, to in raw.items() if not _word(to)]
    )
    if ALL in raw:
        problems.add(f"roles: '{ALL}' is taken: ${ALL} stands for the features of the train stage")
    return {str(name): str(to) for name, to in raw.items()}


def _word(value: Any) -> bool:
    """Whether a value is a feature's name and no role."""
    return isinstance(value, str) and bool(value) and not value.startswith("$")


def _seeds(raw: Any, problems: Problems) -> tuple[int, ...]:
    """Seeds, different whole numbers from 0."""
    if not isinstance(raw, list) or not all(type(one) is int and one >= 0 for one in raw) or len(set(raw)) < len(raw):
        problems.add(f"seeds should list different whole numbers from 0, not {raw!r}")
        return ()
    return tuple(raw)


def _features(raw: dict[Any, Any], problems: Problems) -> dict[str, dict[str, list[str]]]:
    """Subsets of features by name."""
    subsets = {}
    for name, entry in raw.items():
        entry = entry or {}
        if not isinstance(entry, dict):
            problems.add(f"features: '{name}' should be a mapping with video and text, not {entry!r}")
            continue
        problems.extend(_unknown(f"features: '{name}'", entry, SIDES))
        problems.extend(
            [f"features: '{name}': {side} {wrong}" for side, names in entry.items() if (wrong := _no_names(names))]
        )
        subsets[str(name)] = entry
    return subsets


def _row_problems(grid: Grid) -> list[str]:
    """What is wrong with the names of rows, where each role is what the grid says."""
    pairs = [grid.roles.get(name[1:], name) if name.startswith("$") else name for name in grid.pairs]
    names = [*grid.models, *pairs]
    problems = [f"the row '{name}' is listed twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    for name in [*names, *grid.features]:
        if not NAME.fullmatch(name) or "@" in name or name == CHANCE:
            problems.append(f"'{name}' is to be a row and a folder; use letters, digits, _ and -, but not {CHANCE}")
    if not NAME.fullmatch(grid.name):
        problems.append(f"the file's name '{grid.name}' is to be a folder; use letters, digits, _ and -")
    every = [*names, *(f"{name}@{subset}" for name in grid.models for subset in grid.features)]
    if grid.against and grid.against not in every:
        problems.append(f"against: no row '{grid.against}'{did_you_mean(grid.against, every)}")
    problems += [
        f"quoted: no row '{row}'{did_you_mean(row, names)}"
        for table in grid.quoted
        if table.id == quotes.OWN
        for part in table.parts.values()
        for row in part.rows
        if row not in names
    ]
    return problems
