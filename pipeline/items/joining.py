"""Collections put together as one: `train: [a.yaml, b.yaml]`, validated on a third, tested on a further one.

An id of a collection gets its name and a `/` in front, `tgif/video1`, so that ids of several are never the same. The
ids of the collection that test is taken from stay as they are, if it is one alone: what is ranked keeps the names that
its run files and judgements have. So do those of the lists that the collection.yaml has itself.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pipeline.errors import Problems
from pipeline.items.lists import Captions
from pipeline.items.named import OTHER_PREFIX, Named, prefixes_of
from pipeline.items.queries import read_queries
from pipeline.items.splits import SPLITS
from pipeline.items.video_files import some
from pipeline.items.windowing import Even, Shots
from pipeline.items.windows import Window
from pipeline.wording import number_of

Place = tuple[Path, str]  # a split of another collection


class Described(Protocol):
    """A collection that was read."""

    name: str
    path: Path
    protocol: str
    files: dict[str, str]
    windows: dict[str, Window]
    windowing: Even | Shots | None
    to_divide: frozenset[str] | None
    ids: dict[str, list[str]]
    captions: dict[str, Captions]
    queries: Captions
    val_is_test: bool
    notes: list[str]
    unnamed: list[str]


@dataclass(frozen=True)
class Part:
    """One of the collections that are put together."""

    of: Described
    prefix: str  # what its ids begin with in the whole


@dataclass
class Joined:
    """What several collections are together, as fields of `items.collection.Collection`."""

    files: dict[str, str] = field(default_factory=dict)
    windows: dict[str, Window] = field(default_factory=dict)
    windowing: Even | Shots | None = None
    to_divide: frozenset[str] | None = None
    ids: dict[str, list[str]] = field(default_factory=lambda: {split: [] for split in SPLITS})
    captions: dict[str, Captions] = field(default_factory=lambda: {split: Captions() for split in SPLITS})
    queries: Captions = field(default_factory=Captions)
    val_is_test: bool = False
    notes: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    protocol: str = ""
    prefixes: dict[str, str] = field(default_factory=dict)


def join(
    named: Sequence[Named],
    read: Mapping[Path, Described],
    listed_here: Described | None,
    val_is_test: bool,
    path: Path,
    problems: Problems,
) -> Joined:
    """Put collections together.

    Args:
        named: What the splits take from other collections.
        read: {file of `named`: the collection}.
        listed_here: The collection of the lists that the collection.yaml has itself, or None.
        val_is_test: Whether it says `val: test`.
        path: The collection.yaml.
        problems: The list that mistakes are added to: a split that a collection lacks, a video in two splits, ids or
            names that two collections share, windows of two kinds.
    """
    joined = Joined(val_is_test=val_is_test or bool(listed_here and listed_here.val_is_test))
    names = {file: collection.name for file, collection in read.items()}
    prefixes = prefixes_of(named, names, listed_here is not None, path, problems)
    parts = {file: Part(read[file], prefix) for file, prefix in prefixes.items()}
    joined.prefixes = {part.prefix.removesuffix("/") or part.of.name: part.prefix for part in parts.values()}
    if listed_here:
        parts[path] = Part(listed_here, "")
        joined.prefixes.setdefault(listed_here.name, "")
    taken = _taken(named, read, path, problems)
    if listed_here:
        taken = {
            split: places or ([(path, split)] if listed_here.ids[split] else []) for split, places in taken.items()
        }
    if taken["val"] and set(taken["val"]) == set(taken["test"]):
        taken["val"], joined.val_is_test = [], True
    _check_once(taken, parts, path, problems)
    if problems:
        return joined
    for split, places in taken.items():
        for file, other in places:
            _add(joined, split, parts[file], other)
    used = [parts[file] for file in dict.fromkeys(file for places in taken.values() for file, _ in places)]
    _check_ids(joined, path, problems)
    _check_files(joined, used)
    _add_windowing(joined, used, path, problems)
    _add_queries(joined, named, [parts[file] for file, split in taken["test"] if split == "test"], problems)
    joined.notes = [f"{part.of.name}: {note}" for part in used for note in part.of.notes] + joined.notes
    joined.unnamed = [file for part in used for file in part.of.unnamed]
    joined.protocol = _protocol(taken, parts)
    return joined


def _taken(
    named: Sequence[Named], read: Mapping[Path, Described], path: Path, problems: Problems
) -> dict[str, list[Place]]:
    """{split: what it takes}; adds a problem where a collection lacks a split."""
    taken: dict[str, list[Place]] = {split: [] for split in SPLITS}
    for entry in named:
        collection = read[entry.file]
        has = [split for split in SPLITS if collection.ids[split]]
        for split in entry.splits:
            other = "test" if split == "val" and collection.val_is_test else split
            if other in has and (entry.file, other) not in taken[entry.split]:
                taken[entry.split].append((entry.file, other))
            elif other not in has and not entry.whole:
                problems.add(
                    f"{entry.split}: {entry.file} has no split {split}, only {' and '.join(has)}; choose by "
                    f"`{{collection: …, split: {has[-1]}}}`",
                    path,
                )
    return taken


def _check_once(taken: Mapping[str, list[Place]], parts: Mapping[Path, Part], path: Path, problems: Problems) -> None:
    """Add a problem for each split of a collection that two splits take."""
    first: dict[Place, str] = {}
    for split, places in taken.items():
        for file, other in places:
            if (before := first.setdefault((file, other), split)) != split:
                count = len(parts[file].of.ids[other])
                problems.add(
                    f"{before} and {split} both take {number_of(count, 'videos')} of {other} in {file}; a video "
                    "belongs to one split",
                    path,
                )


def _add(joined: Joined, split: str, part: Part, other: str) -> None:
    """Add the split `other` of a collection to `split`."""
    collection, prefix = part.of, part.prefix
    members = collection.ids[other]
    name = {video: f"{prefix}{video}" for video in members} if prefix else dict(zip(members, members, strict=True))
    joined.ids[split] += name.values()
    captions, added = joined.captions[split], collection.captions[other]
    captions.ids += [f"{prefix}{id_}" for id_ in added.ids] if prefix else added.ids
    captions.videos += map(name.__getitem__, added.videos)
    captions.texts += added.texts
    if collection.files:
        joined.files.update((name[video], collection.files[video]) for video in members)
    windows = collection.windows
    joined.windows.update((name[video], windows[video]) for video in members if video in windows)


def _check_ids(joined: Joined, path: Path, problems: Problems) -> None:
    """Add a problem where two collections have the same id here."""
    every = [video for split in SPLITS for video in joined.ids[split]]
    if len(set(every)) < len(every):
        twice = [video for video, count in Counter(every).items() if count > 1]
        problems.add(f"{number_of(twice, 'ids', 'are')} in two collections: {some(twice)}; {OTHER_PREFIX}", path)


def _check_files(joined: Joined, used: Sequence[Part]) -> None:
    """Leave the files out, with a note, where only some of the collections have videos."""
    without = [part.of for part in used if not part.of.files]
    if joined.files and without:
        joined.files = {}
        joined.notes.append(
            f"{some([str(collection.path) for collection in without])} names no videos, so those of the others are not "
            "used; features can be imported"
        )


def _add_windowing(joined: Joined, used: Sequence[Part], path: Path, problems: Problems) -> None:
    """Note how videos are yet to be divided, and which."""
    divides = [part for part in used if part.of.windowing]
    kinds = {part.of.windowing for part in divides}
    if len(kinds) > 1:
        files = " and ".join(str(part.of.path) for part in divides)
        problems.add(f"windows: {files} divide their videos in different ways; give them the same `windows:`", path)
    elif divides and joined.files:
        joined.windowing = divides[0].of.windowing
        if len(divides) < len(used) or any(part.of.to_divide is not None for part in divides):
            chosen = [(part, part.of.files if part.of.to_divide is None else part.of.to_divide) for part in divides]
            every = {f"{part.prefix}{video}" for part, videos in chosen for video in videos}
            joined.to_divide = frozenset(joined.files.keys() & every)


def _add_queries(joined: Joined, named: Sequence[Named], tested: Sequence[Part], problems: Problems) -> None:
    """Add the queries of the collections that test is taken from, and those that stand beside them."""
    sources = [(part.of.path, part.of.queries) for part in tested]
    sources += [(entry.queries, read_queries(entry.queries, problems)) for entry in named if entry.queries]
    where = {id_: "a caption" for captions in joined.captions.values() for id_ in captions.ids} if sources else {}
    for file, queries in sources:
        for id_ in queries.ids:
            if id_ in where:
                problems.add(f"query '{id_}' has the id of {where[id_]} too; give it another one", file)
            where[id_] = f"a query of {file}"
        joined.queries.ids += queries.ids
        joined.queries.videos += queries.videos
        joined.queries.texts += queries.texts


def _protocol(taken: Mapping[str, list[Place]], parts: Mapping[Path, Part]) -> str:
    """The protocol of the collection that test is, with what is learned from where that is not its own; or ''."""
    if len(taken["test"]) != 1:
        return ""
    file, ranked = taken["test"][0]
    protocol = parts[file].of.protocol
    words = [
        f"{split}: {' + '.join(f'{parts[other].of.name} {name}' for other, name in places)}"
        for split, places in taken.items()
        if places and places != [(file, split)]
    ]
    return ", ".join([protocol, *words]) if protocol and ranked == "test" else ""
