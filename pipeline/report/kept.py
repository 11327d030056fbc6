"""What a report measured of trained models, kept in its folder, so that a later report measures only what changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pipeline import files

NAME = "measured.json"
Value = TypeVar("Value")  # of plain JSON values


class Kept:
    """Values by name, each with the digest of what it was measured on."""

    def __init__(self, folder: Path) -> None:
        """Read what the last report left in this folder."""
        self._path = folder / NAME
        known = files.read_json(self._path, {})
        self._old: dict[str, Any] = known if isinstance(known, dict) else {}
        self._new: dict[str, Any] = {}

    def value(self, name: str, of: str, measure: Callable[[], Value]) -> Value:
        """The value of a name, measured where it is not kept or was measured on something else than `of`."""
        known = self._old.get(name)
        if isinstance(known, dict) and known.get("of") == of and "value" in known:
            value: Value = known["value"]
        else:
            value = measure()
        self._new[name] = {"of": of, "value": value}
        return value

    def write(self) -> None:
        """Keep the values that were asked for."""
        if self._new != self._old or not self._path.is_file():
            files.write_json(self._path, self._new)
