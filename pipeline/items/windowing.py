"""How the videos of a collection are divided into windows: what `windows:` of a collection.yaml says.

`{seconds: 10, stride: 5}` and `shots` are known of a video only when it was looked at; a list of shots at once.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import Problems, did_you_mean

SHORTEST = 0.1  # seconds of a window, and from one to the next
FORMS = "{seconds: 10, stride: 5}, shots, or the file or folder of a list of shots"


@dataclass(frozen=True)
class Even:
    """Windows of one length, evenly apart; `items.windows.even` has the rule."""

    seconds: float
    stride: float


@dataclass(frozen=True)
class Shots:
    """Windows are shots, as a network finds them."""


@dataclass(frozen=True)
class Listed:
    """Windows are the shots of a list that TRECVID gives out."""

    place: Path  # a file or a folder


Windowing = Even | Shots | Listed


def read(value: Any, path: Path, problems: Problems) -> Windowing | None:
    """What `windows: value` of the collection.yaml at `path` says; None, with the mistakes noted, where it is wrong."""
    if value == "shots":
        return Shots()
    if isinstance(value, dict):
        return _even(value, path, problems)
    if not isinstance(value, str) or not value:
        problems.add(f"windows: should be {FORMS}; not {value!r}", path)
        return None
    place = path.parent / value
    if not place.exists():
        problems.add(f"windows: no such file or folder: {place}{did_you_mean(value, ['shots'])} ({FORMS})", path)
        return None
    return Listed(place)


def _even(value: dict[Any, Any], path: Path, problems: Problems) -> Even | None:
    before = len(problems)
    for key in value:
        if key not in ("seconds", "stride"):
            problems.add(f"windows: unknown key '{key}'{did_you_mean(str(key), ('seconds', 'stride'))}", path)
    numbers = {"seconds": value.get("seconds"), "stride": value.get("stride", value.get("seconds"))}
    for key, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int | float) or not SHORTEST <= number < float("inf"):
            problems.add(f"windows: {key} should be a number of seconds, at least {SHORTEST}; not {number!r}", path)
            break
    if len(problems) > before:
        return None
    even = Even(float(numbers["seconds"]), float(numbers["stride"]))  # type: ignore[arg-type]
    if even.stride > even.seconds:
        problems.add(
            f"windows: a stride of {even.stride:g} above {even.seconds:g} seconds leaves parts of videos out", path
        )
        return None
    return even
