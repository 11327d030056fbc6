"""Features fitted to a collection: the side and level of each, which of its files are used, and what lacks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipeline.errors import LaffError, Problems
from pipeline.exchange import bigfiles, origins
from pipeline.exchange.found import Feature, FileSet, Level, Part, Side
from pipeline.exchange.names import stage_name
from pipeline.exchange.origins import Origins
from pipeline.items.collection import Collection
from pipeline.rows import frame_ids

SKIP = "leave it out: --skip"


@dataclass(frozen=True)
class Items:
    """The ids of a collection; without a collection there are none, and nothing is checked against them."""

    videos: Sequence[str] = ()
    captions: Sequence[str] = ()
    sets: dict[Side, frozenset[str]] = field(default_factory=dict)
    splits: Mapping[str, Sequence[str]] = field(default_factory=dict)  # {split: its videos}
    learned_from: Sequence[str] = ()  # the splits without which nothing can be trained
    origins: Origins = field(default_factory=lambda: Origins({}, {}))  # the collections that it is made of

    @classmethod
    def of(cls, collection: Collection | None) -> "Items":
        """All videos and captions of the splits; queries have features too, where the collection has queries."""
        if collection is None:
            return cls()
        videos = [video for members in collection.ids.values() for video in members]
        captions = [id_ for split in collection.captions.values() for id_ in split.ids] + collection.queries.ids
        sets: dict[Side, frozenset[str]] = {"video": frozenset(videos), "text": frozenset(captions)}
        splits = {split: members for split, members in collection.ids.items() if members}
        val = "test" if collection.val_is_test else "val"
        learns = len(collection.captions["train"]) and len(collection.captions[val])
        learned_from = ("train", val) if learns else ()
        return cls(videos, captions, sets, splits, learned_from, Origins.of(collection, sets))


def fitted(
    file_sets: Sequence[FileSet], items: Items, taken: Sequence[str], problems: Problems, notes: list[str]
) -> list[Feature]:
    """The features that fit, those of videos first, by name; what does not fit is noted in `problems`.

    taken: names that no stage may get; notes: files that are not used are told there.
    """
    features: list[Feature] = []
    names = list(taken)
    joined = _of_collections(file_sets, items, problems)
    for one in sorted(joined, key=lambda one: (one.side == "text", one.name.rpartition("/")[2].lower(), one.name)):
        wrong = Problems()
        feature = _feature(one, items, wrong, notes)
        skip = f"{SKIP} {' --skip '.join(dict.fromkeys(one.joined or [one.name]))}"
        problems.extend(f"{text}, or {skip}" for text in wrong)
        if feature is None:
            continue
        feature.stage = stage_name(one.name, names, "frames" if feature.level == "frame" else feature.side)
        names.append(feature.stage)
        features.append(feature)
    return sorted(features, key=lambda feature: (feature.side == "text", feature.level == "frame"))


def _of_collections(file_sets: Sequence[FileSet], items: Items, problems: Problems) -> list[FileSet]:
    """The features; where the collection is made of several, the files of one feature for each of them as one."""
    if len(items.origins.ids) < 2:
        return list(file_sets)
    alike: dict[tuple[Side, Level, int], list[FileSet]] = {}
    for one in file_sets:
        side, level = _kind(one, items)
        try:
            parts = [items.origins.placed(part, _ids(part, level), side) for part in one.parts]
        except LaffError as error:
            problems.extend(f"{text}, or {SKIP} {one.name}" for text in error.problems)
            continue
        alike.setdefault((side, level, parts[0].width), []).append(replace(one, parts=parts))
    names = [name for name in items.origins.names.values() if name]
    order = list(items.origins.names)
    return [
        replace(one, parts=sorted(one.parts, key=lambda part: order.index(part.prefix)))
        for group in alike.values()
        for one in origins.joined(group, names)
    ]


def _feature(file_set: FileSet, items: Items, problems: Problems, notes: list[str]) -> Feature | None:
    """A feature with the files that are used; None where it does not fit, and a problem that says so."""
    side, level = _kind(file_set, items)
    ids_of = _used(file_set, items.sets.get(side), side, level, problems, notes)
    if not ids_of:
        if file_set.aside:
            notes.append(f"'{file_set.name}' is not used: it lies in collections that are no split")
        elif not problems:
            problems.add(_of_another_set(file_set, items, side))
        return None
    first, *others = (file_set.parts[number] for number in ids_of)
    if other := next((part for part in others if part.width != first.width), None):
        problems.add(
            f"{first.path} has rows of {first.width} numbers, {other.path} of {other.width}: these are two different "
            "features, so extract one of them anew"
        )
        return None
    covered = frozenset().union(*ids_of.values())
    wanted = items.captions if side == "text" else items.videos
    lacking = [id_ for id_ in wanted if id_ not in covered]
    if lacking:
        what = f"no row of {len(lacking)} of the {len(wanted)} {_word(side)}, such as '{lacking[0]}'"
        hint = _prefix_hint(file_set, lacking)
        if side == "text":
            where = f"{first.path}{' and others' if others else ''}"
            hint = hint or "; captions cannot be left out: extract the feature for these too"
            problems.add(f"{where}: {what}{hint}")
            return None
        without = [split for split, videos in items.splits.items() if side == "video" and covered.isdisjoint(videos)]
        if (
            level == "video"
            and not problems
            and (needed := [split for split in without if split in items.learned_from])
        ):
            problems.add(
                f"{first.path}{' and others' if others else ''}: no row of {' and no row of '.join(needed)}, without "
                f"which nothing can be trained on '{file_set.name}'{hint or '; give its files of all splits'}"
            )
            return None
        of_no = f", and none of {' and '.join(without)}" if without else ""
        notes.append(f"'{file_set.name}' has {what}{of_no}{hint or '; a run goes on without them'}")
    return Feature("", replace(file_set, parts=[first, *others]), side, level, len(wanted) - len(lacking))


def _used(
    file_set: FileSet, wanted: frozenset[str] | None, side: Side, level: Level, problems: Problems, notes: list[str]
) -> dict[int, frozenset[str]]:
    """{number: ids} of the files of a feature that have a row which no file before has.

    wanted: the ids of the collection; None: all. A row that counts in two files is a problem.
    """
    ids_of: dict[int, frozenset[str]] = {}
    covered: frozenset[str] = frozenset()
    for number, part in enumerate(file_set.parts):
        try:
            ids = frozenset(f"{part.prefix}{id_}" if part.prefix else id_ for id_ in _ids(part, level))
        except LaffError as error:
            problems.extend(error.problems, part.path)
            continue
        fitting = ids if wanted is None else ids & wanted
        if not fitting - covered:
            why = (
                f"other files of '{file_set.name}' have its rows"
                if fitting
                else f"it has a row of none of the {_word(side)}"
            )
            if file_set.parts[1:]:
                notes.append(f"{part.path} is not used: {why}")
        elif both := ids & covered:
            other = next(file_set.parts[of] for of, theirs in ids_of.items() if theirs & both)
            problems.add(
                f"{part.path} and {other.path} both have a row of '{min(both)}' ({len(both)} such ids), so it is not "
                "clear which one counts: keep one of the two files"
            )
        else:
            ids_of[number] = ids
            covered |= ids
    return ids_of


def _ids(part: Part, level: Level) -> Sequence[str]:
    """The ids of videos or captions that a file has rows of; LaffError where an id should name a frame and does not."""
    return bigfiles.videos(part) if level == "frame" and not part.frames else part.ids


def _kind(file_set: FileSet, items: Items) -> tuple[Side, Level]:
    """Whether the rows are of videos or captions, and whether they are of frames: by the ids, else by the place."""
    ids = [id_ for part in file_set.parts for id_ in part.ids]
    if any(part.frames for part in file_set.parts):
        return "video", "frame"
    if not items.sets:
        side = file_set.side or ("text" if 2 * sum("#" in id_ for id_ in ids) > len(ids) else "video")
        named_so = side == "video" and "frame" in file_set.name.lower() and all(map(frame_ids.parse, ids))
        return side, "frame" if named_so else "video"
    shared = {side: sum(items.origins.most(part.ids, side) for part in file_set.parts) for side in items.sets}
    if file_set.side == "text" or (file_set.side is None and shared["text"] > shared["video"]):
        return "text", "video"
    videos = [[named[0] for named in map(frame_ids.parse, part.ids) if named] for part in file_set.parts]
    frames = sum(items.origins.most(of_part, "video") for of_part in videos)
    return "video", "frame" if frames > shared["video"] else "video"


def _of_another_set(file_set: FileSet, items: Items, side: Side) -> str:
    """The problem of a feature none of whose rows is wanted."""
    part = file_set.parts[0]
    known = items.captions if side == "text" else items.videos
    if not part.ids:
        return f"{part.path}: has no row"
    if not known:
        return f"{part.path}: its ids are such as '{part.ids[0]}', and the collection has no {_word(side)}"
    return (
        f"{part.path}{' and others' if file_set.parts[1:] else ''}: a row for none of the {len(known)} {_word(side)}, "
        f"such as '{known[0]}'; its own ids are such as '{part.ids[0]}', so it is of another data set, or names things "
        "otherwise: write the ids as the collection has them"
    )


def _prefix_hint(file_set: FileSet, wanted: Sequence[str]) -> str:
    """What to do where ids differ by the name of a collection alone, which one made of several puts in front."""
    ids = frozenset().union(*(part.ids for part in file_set.parts))
    if any(id_.partition("/")[2] in ids for id_ in wanted):
        return f"; ids of some collections are there without their prefix: {origins.APART}"
    return ""


def _word(side: Side) -> str:
    return "captions" if side == "text" else "videos"
