"""The versions and the hardware in which two runs differ, as each has noted them."""

from dataclasses import dataclass
from typing import Any

from pipeline.difference.side import Side
from pipeline.files import JsonObject

COMMIT = "commit of laff"


@dataclass(frozen=True)
class Surrounding:
    """One version, or one fact of the hardware, that differs; None: not there."""

    name: str
    first: Any
    second: Any

    def as_json(self) -> JsonObject:
        """The fact for programs."""
        return {"name": self.name, "a": self.first, "b": self.second}


@dataclass(frozen=True)
class Surroundings:
    """What two runs were made with."""

    versions: list[Surrounding]
    hardware: list[Surrounding]
    unknown: list[str]  # the sides that noted nothing, by their labels


def differing(first: Side, second: Side) -> Surroundings:
    """The differences of what both sides noted when they trained; nothing where one of them noted nothing."""
    one, other = first.noted, second.noted
    if one is None or other is None:
        return Surroundings([], [], [side.label for side in (first, second) if side.noted is None])
    versions = [{**noted.versions, **({COMMIT: noted.commit} if noted.commit else {})} for noted in (one, other)]
    return Surroundings(_between(*versions), _between(one.hardware, other.hardware), [])


def _between(one: dict[str, Any], other: dict[str, Any]) -> list[Surrounding]:
    names = dict.fromkeys([*one, *other])
    return [Surrounding(name, one.get(name), other.get(name)) for name in names if one.get(name) != other.get(name)]
