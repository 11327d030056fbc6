"""Runs with different settings, side by side on the same features: finds which run a configuration belongs to.

A run is a set of trained models and their results. The first run is in WORK itself and is called main. A run whose
settings would replace the models of main is in WORK/runs/NAME/.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import files
from pipeline.errors import LaffError
from pipeline.files import JsonObject
from pipeline.graph.graph import Graph
from pipeline.plan import steps
from pipeline.plan.context import Context
from pipeline.plan.differences import Difference, differences
from pipeline.plan.run_settings import changed, members, settings
from pipeline.store import memory
from pipeline.store.workspace import MAIN, RUNS

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
LONG = 40  # most characters of a name that laff makes from the settings that differ
LONGEST = 80  # most characters of any name


@dataclass(frozen=True)
class Chosen:
    """The run that a configuration belongs to."""

    name: str
    differs: tuple[str, ...] = ()  # how its settings differ from those of main, in words; of a new run
    new: bool = False  # whether there is nothing of it yet


def places(graph: Graph, run: str) -> dict[str, str]:
    """{stage: its folder below WORK} of the stages of a run that has a name of its own; {} of main."""
    return {} if run == MAIN else {name: f"{RUNS}/{run}/{name}" for name in members(graph)}


def choose(context: Context, named: str = "", last: str = "") -> Chosen:
    """The run that a context's configuration belongs to; sets the folders of its stages in the context's workspace.

    named: the run that a person names; last: the run that the settings were remembered from. Without `named` the first
    run with these settings is taken: `last`, main, or another; else a new one, named after what differs. Raises
    LaffError where the named run has other settings.
    """
    if named and (not NAME.fullmatch(named) or len(named) > LONGEST):
        raise LaffError(
            f"--name {named!r}: a run's name is a folder; use letters, digits, '.', '_' and '-', {LONGEST} at most"
        )
    same = [known for known in [MAIN, *memory.names(context.work.root)] if known.casefold() == named.casefold()]
    if same and named not in same:
        raise LaffError(
            f"--name {named!r}: there is a run {same[0]!r}, whose folder some file systems take for the same one; "
            "take its name, or one that differs in more than upper and lower case"
        )
    runs = _Runs(context)
    chosen = runs.named(named) if named else runs.fitting(last)
    context.work.places = places(context.graph, chosen.name) | _learned_towards(context, chosen.name)
    return chosen


def beside(context: Context, folder: str) -> str:
    """The folder for the stages below FOLDER of WORK, such as those of a comparison; sets their places.

    It is FOLDER, or FOLDER@NAME, named after what differs, where their settings would replace results in FOLDER.
    """
    runs = _Runs(context, [name for name in context.graph.stages if name.startswith(f"{folder}/")])
    known = [path.name for path in sorted(context.work.root.glob(f"{folder}@*")) if path.is_dir()]
    parent = folder.rpartition("/")[0]
    for name in (folder, *(f"{parent}/{name}" for name in known)):
        where = {stage: f"{name}/{stage.removeprefix(f'{folder}/')}" for stage in runs.units}
        if not runs.replaced(where):
            break
    else:
        changed = runs.replaced({stage: stage for stage in runs.units})
        name = _free(context.work.root, f"{folder}@{name_of(changed)}")
    if name != folder:
        context.work.places = {stage: f"{name}/{stage.removeprefix(f'{folder}/')}" for stage in runs.units}
    return name


def _free(root: Path, wanted: str) -> str:
    """A name of a folder below `root` that does not exist: the one wanted, or with a number behind it."""
    name, number = wanted, 2
    while (root / name).exists():
        name, number = f"{wanted}-{number}", number + 1
    return name


def _learned_towards(context: Context, run: str) -> dict[str, str]:
    """Folders of sentence encoders that a named run trains towards another feature than main does."""
    folders: dict[str, str] = {}
    for stage in context.graph.stages.values():
        if run == MAIN or not stage.part or "task" not in stage.part.methods or stage.sides != ("text",):
            continue
        recipes, reads = context.work.index_at(stage.name).recipes.values(), set(context.graph.reads(stage.name))
        if any(set(recipe.get("from", reads)) != reads for recipe in recipes):
            folders[stage.name] = f"{RUNS}/{run}/{stage.name}"
    return folders


class _Runs:
    """The runs of a workspace, compared with a configuration."""

    def __init__(self, context: Context, stages: Sequence[str] | None = None) -> None:
        """stages: those that would be made; the members of a run, if not given."""
        self.graph, self.work = context.graph, context.work
        names = members(context.graph) if stages is None else stages
        self.units = {stage: steps.units(context, stage) for stage in names if not context.stage(stage).about.in_place}
        self.settings = settings(context.graph)

    def named(self, name: str) -> Chosen:
        """The run that a person names."""
        if changed := self.changed(name):
            raise LaffError(
                f"--name {name}: the run of this name has other settings ({_in_words(changed)}); give another name, or "
                f"none; `laff runs -w {self.work.root}` lists them"
            )
        if name in (MAIN, *memory.names(self.work.root)):
            return Chosen(name)
        return Chosen(name, _texts(self.changed(MAIN)), new=True)

    def fitting(self, last: str) -> Chosen:
        """The first run that has these settings, or a new one."""
        for name in dict.fromkeys((last or MAIN, MAIN, *memory.names(self.work.root))):
            if not self.changed(name) and (name in (last, MAIN) or self.is_known(name)):
                return Chosen(name)
        changed = self.changed(MAIN)
        name = _free(self.work.root, f"{RUNS}/{name_of(changed)}").rpartition("/")[2]
        return Chosen(name, _texts(changed), new=True)

    def changed(self, run: str) -> list[Difference]:
        """How the configuration differs from a run: from its remembered settings, else from its finished results."""
        known = memory.known(self.work.root, run)
        differing = changed(known.settings, self.settings) if known else []
        return differing or self.replaced(places(self.graph, run))

    def is_known(self, run: str) -> bool:
        """Whether the settings of a run are known: from its file, or from its finished units."""
        file = memory.path(self.work.root, run)
        if file.is_file() and not memory.damage(file):
            return True
        where = places(self.graph, run)
        return any(self.work.index_at(where[stage]).entry(unit.key) for stage in where for unit in self.units[stage])

    def replaced(self, where: dict[str, str]) -> list[Difference]:
        """The settings that differ from those of finished units in these folders, so that the units would be remade.

        Compares only the stages' own settings, not those of their features, code or data.
        """
        settings_of: dict[tuple[str, str], Difference] = {}
        for stage, units in self.units.items():
            index = self.work.index_at(where.get(stage, stage))
            for unit in units if index.entries else ():
                entry = index.entry(unit.key)
                if entry and unit.fingerprint not in (entry.fingerprint, entry.accepted):
                    for difference in _settings(index.recipes.get(entry.fingerprint, {}), unit.recipe):
                        settings_of.setdefault((difference.what, str(difference.after)), difference)
        return list(settings_of.values())


def _settings(old: JsonObject, new: JsonObject) -> list[Difference]:
    """The settings in which two recipes differ, without params that another version of laff added or removed."""
    if not old:
        return [Difference("settings", "unknown", "these")]
    params, known = {*old.get("params", {}), *new.get("params", {})}, {*old.get("params", {})} & {*new["params"]}
    return [
        difference for difference in differences(old, new) if difference.what not in params or difference.what in known
    ]


def _texts(changed: Sequence[Difference]) -> tuple[str, ...]:
    return tuple(str(difference) for difference in changed)


def _in_words(changed: Sequence[Difference]) -> str:
    return "; ".join(_texts(changed))


def name_of(changed: Sequence[Difference]) -> str:
    """A name for a run, made from what differs, such as heads4 or lr0.001-without-tf."""
    words = [word for difference in changed if (word := _word(difference))]
    name = "-".join(dict.fromkeys(words)) or "other"
    if len(name) <= LONG:
        return name
    return f"{name[:LONG].rstrip('-.')}-{files.digest(_texts(changed))[:6]}"


def _word(difference: Difference) -> str:
    """A difference as part of a name."""
    if difference.what == "uses":
        words = str(difference.after).split(".")[-2]
    elif isinstance(difference.before, list) and isinstance(difference.after, list):
        gone = [f"without-{name}" for name in difference.before if name not in difference.after]
        words = (
            "-".join([*(f"with-{name}" for name in difference.after if name not in difference.before), *gone])
            or f"{difference.what}-order"
        )
    elif isinstance(difference.after, bool) or difference.after is None:
        words = difference.what if difference.after else f"no-{difference.what}"
    elif isinstance(difference.after, dict | list | tuple):
        words = f"{difference.what}-{files.digest(difference.after)[:6]}"
    else:
        words = f"{difference.what}{difference.after}"
    return re.sub(r"[^A-Za-z0-9._-]+", "-", words).strip("-._")
