"""What a stage has finished: one small JSON per stage, so that a plan opens no shard.

The file is a cache of what the shards say of themselves: a shard that the index does not know, or knows with another
size or mtime, is asked. For models and runs, which cannot say it themselves, it is the record that they are complete.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline import files, shards

NAME = "index.json"


@dataclass
class Entry:
    """One finished unit: a shard, a fit, a model, a run."""

    fingerprint: str  # of the stage's configuration
    content: str  # of the items it was made from
    made: dict[str, list[int]]  # file, relative to the stage's folder -> [size, mtime_ns]
    failed: list[dict[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    rows: int = 0


class Index:
    """The finished units of one stage."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        raw = files.read_json(folder / NAME, {})
        try:
            self.entries = {key: Entry(**entry) for key, entry in raw.get("units", {}).items()}
            self.recipes: dict[str, Any] = raw.get("recipes", {})  # fingerprint -> what went into it
        except (AttributeError, TypeError):
            self.entries, self.recipes = {}, {}

    def entry(self, key: str) -> Entry | None:
        """The record of a unit whose files stand as recorded; a shard it does not know is asked for its marks."""
        entry = self.entries.get(key)
        if entry and all(_stat(self.folder / name) == tuple(stat) for name, stat in entry.made.items()):
            return entry
        path = self.folder / key
        if path.suffix == ".h5" and (marks := shards.marks(path) if path.is_file() else None):
            self.recipes[marks["fingerprint"]] = marks["recipe"]
            made = {key: list(_stat(path) or ())}
            entry = Entry(marks["fingerprint"], marks["content"], made, marks["failed"], 0.0, marks["rows"])
            self.entries[key] = entry
            return entry
        return None

    def record(self, key: str, entry: Entry, recipe: dict[str, Any]) -> None:
        """Note a finished unit and save; `recipe` is what its fingerprint was made of."""
        self.entries[key] = entry
        self.recipes[entry.fingerprint] = recipe
        in_use = {entry.fingerprint for entry in self.entries.values()}
        self.recipes = {print_: recipe for print_, recipe in self.recipes.items() if print_ in in_use}
        value = {"recipes": self.recipes, "units": {name: asdict(unit) for name, unit in self.entries.items()}}
        files.write_json(self.folder / NAME, value)

    def made(self, names: list[str]) -> dict[str, list[int]]:
        """{file: [size, mtime_ns]} of files that were just written."""
        return {name: list(_stat(self.folder / name) or ()) for name in names}


def _stat(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
