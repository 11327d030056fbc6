"""The settings in which two runs differ, each with where its value comes from on both sides."""

from dataclasses import dataclass
from typing import Any

from pipeline.difference.side import Side
from pipeline.files import JsonObject
from pipeline.graph.origins import FILE, Origin, Resolved, place, resolved

ABSENT = "–"  # noqa: RUF001 - in the place of a value that a side does not have


@dataclass(frozen=True)
class Setting:
    """One setting with different values."""

    name: str  # as --set takes it; also step, uses, from and on; of a stage that one side lacks its step alone
    first: Resolved | None  # None where the side has no such setting
    second: Resolved | None

    def as_json(self) -> JsonObject:
        """The setting for programs."""
        return {"setting": self.name, "a": _json(self.first), "b": _json(self.second)}


def _json(one: Resolved | None) -> JsonObject | None:
    return None if one is None else {"value": one.value, "kind": one.origin.kind, "from": one.origin.text}


def differing(first: Side, second: Side) -> list[Setting]:
    """The settings of the stages that either side makes; of a stage that one of them lacks, that it is there."""
    sides = (first, second)
    listed = [resolved(side.graph) for side in sides]
    found = _threads(first, second)
    for stage in dict.fromkeys([*first.stages, *second.stages]):
        known = [side.knows(stage) for side in sides]
        if not all(known):
            step = [
                next((one for one in of_side[stage] if one.key == "step"), None) if is_known else None
                for of_side, is_known in zip(listed, known, strict=True)
            ]
            found.append(Setting(f"{stage}.step", step[0], step[1]))
            continue
        of_first, of_second = ({one.key: one for one in side[stage]} for side in listed)
        for key in dict.fromkeys([*of_first, *of_second]):
            one, other = of_first.get(key), of_second.get(key)
            if _value(one) != _value(other):
                found.append(Setting(f"{stage}.{key}", one, other))
    return found


def _threads(first: Side, second: Side) -> list[Setting]:
    if first.graph.threads == second.graph.threads:
        return []
    both = [Resolved("threads", side.graph.threads, Origin(FILE, place(side.graph.path))) for side in (first, second)]
    return [Setting("threads", both[0], both[1])]


def _value(one: Resolved | None) -> Any:
    """The value; a number and its equal of another type are different values, as are None and no setting."""
    return (None, ABSENT) if one is None else (type(one.value), one.value)
