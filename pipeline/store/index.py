"""What a stage has finished: one file per stage that grows by a line a unit, so that a plan opens no shard.

The file is a cache of what the shards say of themselves: a shard that the index does not know, or knows with another
size or mtime, is asked. For models and runs, which cannot say it themselves, it is the record that they are complete.
"""

import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline import files
from pipeline.rows import shards
from pipeline.store import journal

NAME = "index.jsonl"
SPARE = 64  # lines that say nothing any more and yet are no reason to write the file anew


@dataclass
class Entry:
    """One finished unit: a shard, a fit, a model, a run."""

    fingerprint: str  # of the stage's configuration
    content: str  # of the items it was made from
    made: dict[str, list[int]]  # file, relative to the stage's folder -> [size, mtime_ns]
    failed: list[dict[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    rows: int = 0
    training: dict[str, float] = field(default_factory=dict)  # of a model: its epochs, and their seconds in all runs
    accepted: str = ""  # a later fingerprint, of changed code alone, for which a person let it stand
    earlier: dict[str, list[str]] = field(default_factory=dict)  # module -> its digest then, and as it was accepted


class Index:
    """The finished units of one stage.

    A line is `{"recipe": FINGERPRINT, "of": {…}}` or `{"unit": KEY, …}` with the fields of an Entry; of lines with the
    same key the last one counts. Reading writes nothing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries: dict[str, Entry] = {}
        self.recipes: dict[str, Any] = {}  # fingerprint -> what went into it
        self._asked: list[str] = []  # shards that spoke for themselves and have no line yet
        self._lines = 0  # read, dead ones too
        for line in journal.read(folder / NAME):
            self._lines += 1
            if "recipe" in line:
                self.recipes[line["recipe"]] = line.get("of", {})
                continue
            try:
                key = line.pop("unit")
                self.entries[key] = Entry(**line)
            except (KeyError, TypeError):
                continue  # not one of our lines: its shard is asked
        self._written = set(self.recipes)  # recipes that have a line
        self._forget_recipes()

    def entry(self, key: str) -> Entry | None:
        """The record of a unit whose files stand as recorded; a shard it does not know is asked for its marks."""
        entry = self.entries.get(key)
        if entry and all(_stat(f"{self.folder}/{name}") == tuple(stat) for name, stat in entry.made.items()):
            return entry
        path = self.folder / key
        if path.suffix == ".h5" and (marks := shards.marks(path) if path.is_file() else None):
            self.recipes[marks["fingerprint"]] = marks["recipe"]
            made = {key: list(_stat(path) or ())}
            known, entry = (
                entry,
                Entry(marks["fingerprint"], marks["content"], made, marks["failed"], 0.0, marks["rows"]),
            )
            if known and (known.fingerprint, known.content) == (entry.fingerprint, entry.content):
                entry.accepted, entry.earlier = known.accepted, known.earlier  # the same shard with another date
            self.entries[key] = entry
            self._asked.append(key)
            return entry
        return None

    def record(self, key: str, entry: Entry, recipe: dict[str, Any]) -> None:
        """Note a finished unit; `recipe` is what its fingerprint was made of."""
        self.entries[key] = entry
        self.recipes[entry.fingerprint] = recipe
        fresh, self._asked = [*self._asked, key], []
        if self._lines > 2 * (len(self.entries) + len(self.recipes)) + SPARE:
            self._write()
            return
        told = self._told(fresh)
        # A shard says itself what the line says. A lost line of a model would cost its training: that one is flushed.
        journal.append(self.folder / NAME, told, sync=not key.endswith(".h5"))
        self._lines += len(told)

    def save(self) -> None:
        """Write all units anew, for good, after entries were changed."""
        self._write()

    def forget(self, names: Iterable[str]) -> None:
        """Strike out the units to which one of these files (relative to the stage's folder) belonged."""
        gone = set(names)
        kept = {key: entry for key, entry in self.entries.items() if not gone.intersection(entry.made)}
        if len(kept) < len(self.entries):
            self.entries = kept
            self._write()

    def _write(self) -> None:
        """Write the file anew, without lines that say nothing any more."""
        self._forget_recipes()
        self._written.clear()
        text = journal.lines(self._told(self.entries))
        files.write_text(self.folder / NAME, text)
        self._lines = text.count("\n")

    def _told(self, keys: Iterable[str]) -> list[dict[str, Any]]:
        """The lines of units, each recipe before the first unit that needs it."""
        found: list[dict[str, Any]] = []
        for key in keys:
            entry = self.entries[key]
            if entry.fingerprint not in self._written:
                self._written.add(entry.fingerprint)
                found.append({"recipe": entry.fingerprint, "of": self.recipes.get(entry.fingerprint, {})})
            line = asdict(entry)
            for name in ("accepted", "earlier"):  # said of few
                if not line[name]:
                    del line[name]
            found.append({"unit": key} | line)
        return found

    def _forget_recipes(self) -> None:
        """Keep only recipes with which something was made that is still there."""
        in_use = {entry.fingerprint for entry in self.entries.values()}
        self.recipes = {print_: recipe for print_, recipe in self.recipes.items() if print_ in in_use}

    def made(self, names: Iterable[str]) -> dict[str, list[int]]:
        """{file: [size, mtime_ns]} of files that were just written."""
        return {name: list(_stat(f"{self.folder}/{name}") or ()) for name in names}


def _stat(path: "str | Path") -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path for each of some ten thousand shards takes longer than asking
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
