"""Runs with other settings, side by side on the same features: which one a configuration belongs to, and where it is.

A run is what is trained and what comes of it. The first one stands in WORK itself and is called main; one whose
settings would replace what is trained there stands in WORK/runs/NAME/.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import files
from pipeline.errors import LaffError
from pipeline.graph.graph import Graph
from pipeline.plan import steps
from pipeline.plan.context import Context
from pipeline.plan.differences import Difference, differences
from pipeline.plan.run_settings import changed, members, settings
from pipeline.store import memory
from pipeline.store.workspace import MAIN, RUNS

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
LONG = 40  # characters of a name that is made from what differs
LONGEST = 80  # and of any


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
    """The run that a context's configuration belongs to, and let its stages stand where that one keeps them.

    named: the run that a person names; last: the one that the settings were remembered of. Without `named` that one
    is taken, or main, or the first one with these settings; else a new one that is called after what differs.
    LaffError where the named run has other settings.
    """
    if named and (not NAME.fullmatch(named) or len(named) > LONGEST):
        raise LaffError(
            f"--name {named!r}: a run's name is a folder; use letters, digits, '.', '_' and '-', {LONGEST} at most"
        )
    runs = _Runs(context)
    chosen = runs.named(named) if named else runs.fitting(last)
    context.work.places = places(context.graph, chosen.name) | _learned_towards(context, chosen.name)
    return chosen


def beside(context: Context, folder: str) -> str:
    """Where the stages below a folder of WORK stand, such as those of a comparison: there, or beside it.

    They stand in FOLDER@NAME, called after what differs, where settings of theirs would replace what stands in FOLDER.
    Returns that folder.
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
        name = _free(context.work.root, f"{folder}@{_name(changed)}")
    if name != folder:
        context.work.places = {stage: f"{name}/{stage.removeprefix(f'{folder}/')}" for stage in runs.units}
    return name


def _free(root: Path, wanted: str) -> str:
    """A folder below `root` that is not there yet: the one wanted, or with a number behind it."""
    name, number = wanted, 2
    while (root / name).exists():
        name, number = f"{wanted}-{number}", number + 1
    return name


def _learned_towards(context: Context, run: str) -> dict[str, str]:
    """Places of sentence encoders that a run with a name learns towards another feature than that of main."""
    found: dict[str, str] = {}
    for stage in context.graph.stages.values():
        if run == MAIN or not stage.part or "task" not in stage.part.methods or stage.sides != ("text",):
            continue
        recipes, reads = context.work.index_at(stage.name).recipes.values(), set(context.graph.reads(stage.name))
        if any(set(recipe.get("from", reads)) != reads for recipe in recipes):
            found[stage.name] = f"{RUNS}/{run}/{stage.name}"
    return found


class _Runs:
    """The runs of a workspace, against a configuration."""

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
        return Chosen(name, _told(self.changed(MAIN)), new=True)

    def fitting(self, last: str) -> Chosen:
        """The first run that has these settings, or a new one."""
        for name in dict.fromkeys((last or MAIN, MAIN, *memory.names(self.work.root))):
            if not self.changed(name) and (name in (last, MAIN) or self.is_known(name)):
                return Chosen(name)
        changed = self.changed(MAIN)
        name = _free(self.work.root, f"{RUNS}/{_name(changed)}").rpartition("/")[2]
        return Chosen(name, _told(changed), new=True)

    def changed(self, run: str) -> list[Difference]:
        """How the configuration differs from that of a run: from what it was given, and from what it would lose."""
        known = memory.known(self.work.root, run)
        own = changed(known.settings, self.settings) if known else []
        return own or self.replaced(places(self.graph, run))

    def is_known(self, run: str) -> bool:
        """Whether a run's settings are remembered, or can be told by what is finished of it: a unit of this one's."""
        file = memory.path(self.work.root, run)
        if file.is_file() and not memory.damage(file):
            return True
        where = places(self.graph, run)
        return any(self.work.index_at(where[stage]).entry(unit.key) for stage in where for unit in self.units[stage])

    def replaced(self, where: dict[str, str]) -> list[Difference]:
        """The settings that differ of finished units in these places, which would be made anew.

        Only settings of their own count: what features were made with, code and items do not.
        """
        found: dict[tuple[str, str], Difference] = {}
        for stage, units in self.units.items():
            index = self.work.index_at(where.get(stage, stage))
            for unit in units if index.entries else ():
                entry = index.entry(unit.key)
                if entry and unit.fingerprint not in (entry.fingerprint, entry.accepted):
                    for one in _settings(index.recipes.get(entry.fingerprint, {}), unit.recipe):
                        found.setdefault((one.what, str(one.after)), one)
        return list(found.values())


def _settings(old: dict[str, Any], new: dict[str, Any]) -> list[Difference]:
    """The settings in which two recipes differ; params that another version of laff has added or dropped aside."""
    if not old:
        return [Difference("settings", "unknown", "these")]
    params, known = {*old.get("params", {}), *new.get("params", {})}, {*old.get("params", {})} & {*new["params"]}
    return [one for one in differences(old, new) if one.what not in params or one.what in known]


def _told(changed: Sequence[Difference]) -> tuple[str, ...]:
    return tuple(str(one) for one in changed)


def _in_words(changed: Sequence[Difference]) -> str:
    return "; ".join(_told(changed))


def _name(changed: Sequence[Difference]) -> str:
    """A run's name made from what differs, such as heads4 or lr0.001-without-tf."""
    words = [word for one in changed if (word := _word(one))]
    name = "-".join(dict.fromkeys(words)) or "other"
    if len(name) <= LONG:
        return name
    return f"{name[:LONG].rstrip('-.')}-{files.digest(_told(changed))[:6]}"


def _word(one: Difference) -> str:
    """A difference as part of a name."""
    if one.what == "uses":
        words = str(one.after).split(".")[-2]
    elif isinstance(one.before, list) and isinstance(one.after, list):
        gone = [f"without-{name}" for name in one.before if name not in one.after]
        words = (
            "-".join([*(f"with-{name}" for name in one.after if name not in one.before), *gone]) or f"{one.what}-order"
        )
    elif isinstance(one.after, bool) or one.after is None:
        words = one.what if one.after else f"no-{one.what}"
    elif isinstance(one.after, dict | list | tuple):
        words = f"{one.what}-{files.digest(one.after)[:6]}"
    else:
        words = f"{one.what}{one.after}"
    return re.sub(r"[^A-Za-z0-9._-]+", "-", words).strip("-._")
