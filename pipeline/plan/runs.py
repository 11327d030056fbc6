"""Runs with other settings, side by side on the same features: which one a configuration belongs to, and where it is.

A run is what is trained and what comes of it. The first one stands in WORK itself and is called main; one whose
settings would replace what is trained there stands in WORK/runs/NAME/.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline import files
from pipeline.errors import LaffError
from pipeline.graph.graph import Graph
from pipeline.plan import steps
from pipeline.plan.context import Context
from pipeline.plan.differences import Difference, differences
from pipeline.store import memory
from pipeline.store.workspace import MAIN, RUNS

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
LONG = 40  # characters of a name that is made from what differs


@dataclass(frozen=True)
class Chosen:
    """The run that a configuration belongs to."""

    name: str
    differs: tuple[str, ...] = ()  # how its settings differ from those of main, in words; of a new run
    new: bool = False  # whether there is nothing of it yet


def members(graph: Graph) -> list[str]:
    """The stages of a run: those that train on features, and all that read these."""
    fusing = {stage.name for stage in graph.stages.values() if stage.about.fuses}
    return [name for name in graph.stages if fusing.intersection(graph.needed([name]))]


def places(graph: Graph, run: str) -> dict[str, str]:
    """{stage: its folder below WORK} of the stages of a run that has a name of its own; {} of main."""
    return {} if run == MAIN else {name: f"{RUNS}/{run}/{name}" for name in members(graph)}


def choose(context: Context, named: str = "", last: str = "") -> Chosen:
    """The run that a context's configuration belongs to, and let its stages stand where that one keeps them.

    named: the run that a person names; last: the one that the settings were remembered of. Without `named` that one
    is taken, or main, or the first one with these settings; else a new one that is called after what differs.
    LaffError where the named run has other settings.
    """
    if named and not NAME.fullmatch(named):
        raise LaffError(f"--name {named!r}: a run's name is a folder; use letters, digits, '.', '_' and '-'")
    chosen = _Runs(context).named(named) if named else _Runs(context).fitting(last)
    context.work.places = places(context.graph, chosen.name)
    return chosen


class _Runs:
    """The runs of a workspace, against the units of a configuration."""

    def __init__(self, context: Context) -> None:
        self.graph, self.work = context.graph, context.work
        own = [name for name in members(context.graph) if not context.stage(name).about.in_place]
        self.units = {stage: steps.units(context, stage) for stage in own}

    def named(self, name: str) -> Chosen:
        """The run that a person names."""
        if changed := self.changed(name):
            raise LaffError(
                f"--name {name}: the run of this name was trained with other settings ({_in_words(changed)}); give "
                f"another name, or none; `laff runs -w {self.work.root}` lists them"
            )
        if name == MAIN or self.is_there(name):
            return Chosen(name)
        return Chosen(name, _told(self.changed(MAIN)), new=True)

    def fitting(self, last: str) -> Chosen:
        """The first run that has these settings, or a new one."""
        for name in dict.fromkeys((last or MAIN, MAIN, *memory.runs(self.work.root))):
            if not self.changed(name) and (name == MAIN or self.is_there(name)):
                return Chosen(name)
        changed = self.changed(MAIN)
        made, number = _name(changed), 2
        name = made
        while (self.work.root / RUNS / name).exists():
            name, number = f"{made}-{number}", number + 1
        return Chosen(name, _told(changed), new=True)

    def changed(self, run: str) -> list[Difference]:
        """How the configuration differs from that of what the run would lose; [] where it would lose nothing.

        Only settings of the run's own stages count: what features were made with, code and items do not.
        """
        where = places(self.graph, run)
        found: dict[tuple[str, str], Difference] = {}
        for stage, units in self.units.items():
            index = self.work.index_at(where.get(stage, stage))
            for unit in units if index.entries else ():
                entry = index.entry(unit.key)
                if entry and unit.fingerprint not in (entry.fingerprint, entry.accepted):
                    for one in _settings(index.recipes.get(entry.fingerprint, {}), unit.recipe):
                        found.setdefault((one.what, str(one.after)), one)
        return list(found.values())

    def is_there(self, run: str) -> bool:
        """Whether a run has trained something that this configuration would take over."""
        where = places(self.graph, run)
        fusing = [name for name in self.units if self.graph.stages[name].about.fuses]
        return any(
            self.work.index_at(where.get(name, name)).entry(unit.key) for name in fusing for unit in self.units[name]
        )


def _settings(old: dict[str, Any], new: dict[str, Any]) -> list[Difference]:
    """The settings in which two recipes differ; params that another version of laff has added or dropped aside."""
    params, known = {*old.get("params", {}), *new.get("params", {})}, {*old.get("params", {})} & {*new["params"]}
    return [one for one in differences(old, new) if old and (one.what not in params or one.what in known)]


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
    if isinstance(one.before, list) and isinstance(one.after, list):
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
