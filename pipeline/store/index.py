"""The index of a stage's finished units: one file that grows by a line for each unit, so that a plan opens no shard.

For shards the file is a cache of their own attributes: a shard that the index does not know, or knows with another size
or date, is read. For models and runs, which have no such attributes, it is the record that they are complete: it holds
the sha256 of their files, which is compared where a date differs from the recorded one, as in a copy.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline import files
from pipeline.rows import shards
from pipeline.store import journal

NAME = "index.jsonl"
SPARE = 64  # outdated lines that are no reason to write the file anew


@dataclass
class Entry:
    """The record of a finished unit: a shard, a fit, a model, a run."""

    fingerprint: str  # of the stage's configuration
    content: str  # of the items it was made from
    made: dict[str, list[int]]  # file, relative to the stage's folder -> [size, mtime_ns]
    failed: list[dict[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    rows: int = 0
    training: dict[str, float] = field(default_factory=dict)  # of a model: its epochs, and their seconds in all runs
    accepted: str = ""  # a later fingerprint, which differs by code alone, that a person accepted it for
    earlier: dict[str, list[str]] = field(default_factory=dict)  # module -> its digest at first, and when accepted
    notes: list[dict[str, str]] = field(default_factory=list)  # ledger lines of videos that have a row and a flaw
    digests: dict[str, str] = field(default_factory=dict)  # sha256 of each file of `made`, where it is no shard
    time: str = ""  # when it was finished, ISO 8601 in UTC; of a shard that was read instead, its file's date

    @property
    def took(self) -> float:
        """Seconds that it took to make; of a training the seconds of all runs that took part."""
        return max(self.seconds, self.training.get("seconds", 0.0))


class Index:
    """The finished units of one stage.

    A line is `{"recipe": FINGERPRINT, "of": {…}}` or `{"unit": KEY, …}` with the fields of an Entry; of lines with the
    same key the last one counts. Reading writes nothing.
    """

    def __init__(self, folder: Path, tell: Callable[[], None] = lambda: None) -> None:
        """Read the index in `folder`.

        tell: called before files are read because their dates differ from the recorded ones, which may take a while.
        """
        self.folder = folder
        self._tell = tell
        self.entries: dict[str, Entry] = {}
        self.recipes: dict[str, Any] = {}  # fingerprint -> what went into it
        self._unnoted: dict[str, None] = {}  # units whose record has changed since their line was written
        self._lines = 0  # of the file, with outdated ones
        for line in journal.read(folder / NAME):
            self._lines += 1
            if "recipe" in line:
                self.recipes[line["recipe"]] = line.get("of", {})
                continue
            try:
                key = line.pop("unit")
                self.entries[key] = Entry(**line)
            except (KeyError, TypeError):
                continue  # not one of our lines: its shard is read
        self._written = set(self.recipes)  # recipes that have a line
        self._forget_recipes()

    def entry(self, key: str) -> Entry | None:
        """The record of a unit, if its files are as recorded; a shard that the index does not know is read.

        Where only the date of a file differs from the recorded one, its content decides.
        """
        entry = self.entries.get(key)
        if entry and self._stands(key, entry):
            return entry
        path = self.folder / key
        if _is_shard(key) and (marks := shards.marks(path) if path.is_file() else None):
            return self._read_shard(key, marks)
        return None

    def _stands(self, key: str, entry: Entry) -> bool:
        """Whether the files of a unit are as recorded."""
        current = {name: _stat(f"{self.folder}/{name}") for name in entry.made}
        changed = {name: status for name, status in current.items() if status != tuple(entry.made[name])}
        if not changed:
            return True
        if any(status is None or [status[0]] != entry.made[name][:1] for name, status in changed.items()):
            return False
        self._tell()
        if not all(name in entry.digests and entry.digests[name] == _sha256(self.folder / name) for name in changed):
            return False  # a shard has no digest here, it is read; nor have lines of earlier versions
        entry.made |= {name: list(status or ()) for name, status in changed.items()}
        self._unnoted[key] = None
        return True

    def _read_shard(self, key: str, marks: dict[str, Any]) -> Entry:
        """The record of a shard that follows from its own attributes (`shards.marks`)."""
        self.recipes[marks["fingerprint"]] = marks["recipe"]
        status = _stat(self.folder / key)
        entry = Entry(marks["fingerprint"], marks["content"], {key: list(status or ())}, marks["failed"])
        entry.notes, entry.rows, entry.time = marks["notes"], marks["rows"], _time(status[1] / 1e9 if status else 0.0)
        known = self.entries.get(key)
        if known and (known.fingerprint, known.content) == (entry.fingerprint, entry.content):
            # The same shard with another date: what its attributes lack is known.
            entry = replace(known, made=entry.made, failed=entry.failed, notes=entry.notes, rows=entry.rows)
        self.entries[key] = entry
        self._unnoted[key] = None
        return entry

    def record(self, key: str, entry: Entry, recipe: dict[str, Any]) -> None:
        """Record a finished unit with the time and the digests of its files; `recipe`: what its fingerprint is of."""
        entry.time = _time(datetime.now(UTC).timestamp())
        if not _is_shard(key):
            entry.digests = {name: files.sha256(self.folder / name) for name in entry.made}
        self.entries[key] = entry
        self.recipes[entry.fingerprint] = recipe
        # A shard has what its line says. A lost line of a model would cost its training, so that one is flushed.
        self._add([*self._unnoted, key], sync=not _is_shard(key))

    def note(self) -> None:
        """Write the records that have changed, such as the dates of files, so that nobody has to look again."""
        if self._unnoted:
            self._add(list(self._unnoted), sync=False)

    def _add(self, keys: list[str], sync: bool) -> None:
        """Add lines for these units; or write all lines anew where too many are outdated."""
        self._unnoted.clear()
        if self._lines > 2 * (len(self.entries) + len(self.recipes)) + SPARE:
            self._write()
            return
        lines = self._lines_of(keys)
        journal.append(self.folder / NAME, lines, sync=sync)
        self._lines += len(lines)

    def save(self) -> None:
        """Write all lines anew, after `entries` was changed."""
        self._write()

    def forget(self, names: Iterable[str]) -> None:
        """Remove the units that have one of these files, named relative to the stage's folder."""
        removed = set(names)
        kept = {key: entry for key, entry in self.entries.items() if not removed.intersection(entry.made)}
        if len(kept) < len(self.entries):
            self.entries = kept
            self._write()

    def _write(self) -> None:
        """Write the file anew, without outdated lines."""
        self._forget_recipes()
        self._written.clear()
        text = journal.lines(self._lines_of(self.entries))
        files.write_text(self.folder / NAME, text)
        self._lines = text.count("\n")

    def _lines_of(self, keys: Iterable[str]) -> list[dict[str, Any]]:
        """The lines of units, with a line for each new recipe before the first unit that has it."""
        lines: list[dict[str, Any]] = []
        for key in keys:
            entry = self.entries[key]
            if entry.fingerprint not in self._written:
                self._written.add(entry.fingerprint)
                lines.append({"recipe": entry.fingerprint, "of": self.recipes.get(entry.fingerprint, {})})
            line = asdict(entry)
            for name in ("accepted", "earlier", "digests", "notes"):  # most units have none
                if not line[name]:
                    del line[name]
            lines.append({"unit": key} | line)
        return lines

    def _forget_recipes(self) -> None:
        """Remove the recipes of which no unit is left."""
        in_use = {entry.fingerprint for entry in self.entries.values()}
        self.recipes = {fingerprint: recipe for fingerprint, recipe in self.recipes.items() if fingerprint in in_use}

    def made(self, names: Iterable[str]) -> dict[str, list[int]]:
        """{file: [size, mtime_ns]} of files that were just written."""
        return {name: list(_stat(f"{self.folder}/{name}") or ()) for name in names}


def _is_shard(key: str) -> bool:
    """Whether a unit is a shard, by its key."""
    return key.endswith(".h5")


def _sha256(path: Path) -> str:
    """sha256 of a file; '' where it cannot be read."""
    try:
        return files.sha256(path)
    except OSError:
        return ""


def _time(seconds: float) -> str:
    """A moment, in seconds since 1970, as ISO 8601 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _stat(path: "str | Path") -> tuple[int, int] | None:
    """Size and mtime_ns of a file; None where there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path for each of some ten thousand shards takes longer than asking
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
