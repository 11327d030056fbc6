"""Splits that a collection.yaml takes from other collections: `train: [a.yaml, b.yaml]`.

A split names one collection or a list of them. A collection is its file, or a mapping
{collection: FILE, split: SPLIT, prefix: WORD}; in test, `queries: FILE` may stand in it too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline import ids
from pipeline.errors import Problems, did_you_mean
from pipeline.items.lists import named_file
from pipeline.items.splits import SPLITS

ALL = "all"
KEYS = ("collection", "split", "prefix", "queries")
YAML = (".yaml", ".yml")
OTHER_PREFIX = "write `{collection: FILE, prefix: WORD}` for one of them"
FORM = "{collection: FILE, split: train|val|test|all, prefix: WORD}, or FILE alone, a collection.yaml"


@dataclass(frozen=True)
class Named:
    """What a split takes from another collection."""

    split: str  # the split here
    file: Path  # the other collection.yaml
    splits: tuple[str, ...]  # its splits
    whole: bool  # whether these are all that it has, whichever it has
    prefix: str | None  # what its ids begin with here, where a person says it; "" for ids as they are
    queries: Path | None  # further queries of test


def is_named(split: str, value: Any) -> bool:
    """Whether the value of a split in a collection.yaml names other collections, and no lists of its own."""
    if isinstance(value, str):
        return not (split == "val" and value == "test") and value.lower().endswith(YAML)
    return isinstance(value, list) or (isinstance(value, dict) and "collection" in value)


def read(raw: dict[str, Any], path: Path, problems: Problems) -> list[Named]:
    """What the splits in `raw`, the content of the collection.yaml at `path`, take from others; adds mistakes."""
    taken: list[Named] = []
    places: dict[Path, Path] = {}  # a file may be named in two ways
    for split in SPLITS:
        if split not in raw or not is_named(split, raw[split]):
            continue
        entries = raw[split] if isinstance(raw[split], list) else [raw[split]]
        if not entries:
            problems.add(f"{split}: the list is empty; name a collection.yaml, or leave {split} out", path)
        for entry in entries:
            if named := _entry(split, {"collection": entry} if isinstance(entry, str) else entry, path, problems):
                taken.append(replace(named, file=places.setdefault(named.file.resolve(), named.file)))
    return taken


def prefixes_of(
    named: Sequence[Named], names: Mapping[Path, str], has_lists: bool, path: Path, problems: Problems
) -> dict[Path, str]:
    """{file of a collection: what its ids begin with}; adds a problem where two are the same.

    Args:
        named: What the splits take.
        names: {file of `named`: the name of the collection}.
        has_lists: Whether the collection.yaml has splits of its own, too.
        path: The collection.yaml.
        problems: The list that mistakes are added to.
    """
    said: dict[Path, str] = {}
    for entry in named:
        if entry.prefix is not None and said.setdefault(entry.file, entry.prefix) != entry.prefix:
            problems.add(f"{entry.file} has the prefix {said[entry.file]!r} in one place, {entry.prefix!r} here", path)
    files = list(dict.fromkeys(entry.file for entry in named))
    ranked = {entry.file for entry in named if entry.split == "test"}
    if len(files) == 1 and not has_lists:
        ranked = set(files)
    prefixes: dict[Path, str] = {}
    owner: dict[str, Path] = {}  # of each prefix
    for file in files:
        prefix = said.get(file, "" if ranked == {file} else f"{ids.clean(names[file])}/")
        if prefix and (wrong := ids.wrong(prefix[:-1])):
            problems.add(f"{file}: its name cannot stand before ids ({wrong}); {OTHER_PREFIX}", path)
        if prefix and owner.setdefault(prefix, file) != file:
            problems.add(f"{owner[prefix]} and {file} are both named '{prefix[:-1]}'; {OTHER_PREFIX}", path)
        prefixes[file] = prefix
    return prefixes


def _entry(split: str, entry: Any, path: Path, problems: Problems) -> Named | None:
    """One collection that a split names; None, and problems, where something is wrong with it."""
    before = len(problems)
    if not isinstance(entry, dict) or "collection" not in entry:
        problems.add(f"{split}: an entry of the list should be {FORM}; not {entry!r}", path)
        return None
    for key in entry:
        if key not in KEYS:
            problems.add(f"{split}: unknown key '{key}'{did_you_mean(str(key), KEYS)} (known: {', '.join(KEYS)})", path)
    file = _file(split, entry, path, problems)
    splits = _splits(split, entry.get("split", split), path, problems)
    prefix = _prefix(split, entry["prefix"], path, problems) if "prefix" in entry else None
    queries = None
    if "queries" in entry and split != "test":
        problems.add(f"{split}: queries have no known answer to learn from; give them to test, which is ranked", path)
    elif "queries" in entry:
        queries = named_file(entry, "queries", path, split, problems)
    if len(problems) > before or file is None:
        return None
    return Named(split, file, splits, entry.get("split") == ALL, prefix, queries)


def _file(split: str, entry: dict[str, Any], path: Path, problems: Problems) -> Path | None:
    file = named_file(entry, "collection", path, split, problems)
    if file is None:
        return None
    if file.is_dir():
        inside = file / "collection.yaml"
        then = f"did you mean {inside}?" if inside.is_file() else "name a collection.yaml"
        problems.add(f"{split}: {file} is a folder; {then}", path)
        return None
    if file.suffix.lower() not in YAML:
        lists = f"`{split}: {{ids: {entry['collection']}}}`"
        problems.add(f"{split}: {file} is no collection.yaml; a list of ids is named by {lists}", path)
        return None
    return file


def _splits(split: str, value: Any, path: Path, problems: Problems) -> tuple[str, ...]:
    """The splits that an entry takes; adds a problem where it names none."""
    if value == ALL:
        return SPLITS
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) and name in SPLITS for name in names):
        near = did_you_mean(value, (*SPLITS, ALL)) if isinstance(value, str) else ""
        problems.add(
            f"{split}: split should be {', '.join(SPLITS)}, a list of them, or {ALL}; not {value!r}{near}", path
        )
        return ()
    if len(set(names)) < len(names):
        problems.add(f"{split}: split names one of {names} twice", path)
    return tuple(name for name in SPLITS if name in names)


def _prefix(split: str, value: Any, path: Path, problems: Problems) -> str:
    """The prefix that an entry gives, with its `/`, or ''."""
    word = ids.clean(value).removesuffix("/") if isinstance(value, str) else None
    if word == "":
        return ""
    if word is None or (wrong := ids.wrong(word)):
        why = "" if word is None else f" ({wrong})"
        problems.add(f"{split}: prefix should be a word, or '' for ids as they are; not {value!r}{why}", path)
        return ""
    return f"{word}/"
