"""The stages of a run, and how far each of them is."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum


class State(Enum):
    """Where a stage stands in a run."""

    WAITING = "waiting"
    NOW = "now"
    DONE = "done"
    CACHED = "cached"


@dataclass
class Row:
    """One stage of a run."""

    name: str
    state: State
    units: int = 0  # that it has to make in this run
    why: str = ""  # in words, why they are stale or missing
    seconds: float = 0.0
    made: set[str] = field(default_factory=set)  # keys of the units that it has made in this run
    failed: set[str] = field(default_factory=set)  # videos that failed in them


class Stages:
    """The stages of a run in their order. Any thread may look at them while another one moves them."""

    def __init__(self, names: Iterable[str] = (), todo: Mapping[str, int] | None = None) -> None:
        """Begin; todo: {stage: number of units that it has to make}, without stages that are cached."""
        self.start = time.monotonic()
        todo = todo or {}
        self.rows = {
            name: Row(name, State.WAITING if todo.get(name) else State.CACHED, todo.get(name, 0)) for name in names
        }

    def begin(self, name: str, units: int, why: str) -> None:
        """A stage begins to make its units."""
        self.rows[name] = Row(name, State.NOW, units, why)

    def unit(self, name: str, key: str, failed: Iterable[str]) -> None:
        """A stage has made a unit, in which these videos failed."""
        if row := self.rows.get(name):
            row.made.add(key)
            row.failed.update(failed)

    def end(self, name: str, made: Iterable[str], seconds: float) -> None:
        """A stage has ended, whether or not with all of its units; made: the keys of those that it has made."""
        row = self.rows[name]
        row.made, row.seconds = {*made}, seconds
        if len(row.made) >= row.units:
            row.state = State.DONE

    def skip(self, name: str) -> None:
        """A stage has nothing to make after all, such as one whose sources came out as they had been."""
        if self.rows[name].state is State.WAITING:
            self.rows[name].state = State.CACHED

    def of(self, *states: State) -> list[Row]:
        """The stages in these states."""
        return [row for row in self.rows.values() if row.state in states]

    @property
    def failed(self) -> int:
        """The number of videos that failed in this run."""
        return len(set().union(*(row.failed for row in self.rows.values())))

    def told(self) -> str:
        """In words, what is finished and what is left: of a run that was cut off."""
        finished = [
            f"{row.name} {len(row.made):,}" + ("" if row.state is State.DONE else f" of {row.units:,}")
            for row in self.rows.values()
            if row.made
        ]
        left = [f"{row.name} {row.units - len(row.made):,}" for row in self.of(State.NOW, State.WAITING)]
        made = f"finished in this run: {', '.join(finished)}" if finished else "nothing was finished in this run"
        return f"{made}; still to be made: {', '.join(left)}" if left else made
