"""What was found against a collection: which side and level a feature has, which of its files are used, what lacks."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pipeline.errors import LaffError, Problems
from pipeline.exchange import bigfiles
from pipeline.exchange.found import Feature, Found, Level, Side
from pipeline.exchange.names import stage_name
from pipeline.items.collection import Collection
from pipeline.rows import frame_ids

SKIP = "leave it out: --skip"


@dataclass(frozen=True)
class Items:
    """The ids of a collection; without a collection there are none, and nothing is checked against them."""

    videos: Sequence[str] = ()
    captions: Sequence[str] = ()
    sets: dict[Side, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, collection: Collection | None) -> "Items":
        """All videos and captions of the splits; queries have features too, where the collection has queries."""
        if collection is None:
            return cls()
        videos = [video for members in collection.ids.values() for video in members]
        captions = [id_ for split in collection.captions.values() for id_ in split.ids] + collection.queries.ids
        return cls(videos, captions, {"video": frozenset(videos), "text": frozenset(captions)})


def fitted(
    found: Sequence[Found], items: Items, taken: Sequence[str], problems: Problems, notes: list[str]
) -> list[Feature]:
    """The features that fit, those of videos first, by name; what does not fit is noted in `problems`.

    taken: names that no stage may get; notes: files that are not used are told there.
    """
    features: list[Feature] = []
    names = list(taken)
    for one in sorted(found, key=lambda one: (one.side == "text", one.name.rpartition("/")[2].lower(), one.name)):
        wrong = Problems()
        feature = _feature(one, items, wrong, notes)
        problems.extend(f"{text}, or {SKIP} {one.name}" for text in wrong)
        if feature is None:
            continue
        feature.stage = stage_name(one.name, names, "frames" if feature.level == "frame" else feature.side)
        names.append(feature.stage)
        features.append(feature)
    return sorted(features, key=lambda feature: (feature.side == "text", feature.level == "frame"))


def _feature(found: Found, items: Items, problems: Problems, notes: list[str]) -> Feature | None:
    """A feature with the files that are used; None where it does not fit, and a problem that says so."""
    side, level = _kind(found, items)
    ids_of = _used(found, items.sets.get(side), side, level, problems, notes)
    if not ids_of:
        if found.aside:
            notes.append(f"'{found.name}' is not used: it lies in collections that are no split")
        elif not problems:
            problems.add(_of_another_set(found, items, side))
        return None
    first, *others = (found.parts[number] for number in ids_of)
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
        hint = _prefix_hint(found, lacking)
        if side == "text":
            where = f"{first.path}{' and others' if others else ''}"
            hint = hint or "; captions cannot be left out: extract the feature for these too"
            problems.add(f"{where}: {what}{hint}")
            return None
        notes.append(f"'{found.name}' has {what}{hint or '; a run goes on without them'}")
    return Feature("", replace(found, parts=[first, *others]), side, level, len(wanted) - len(lacking))


def _used(
    found: Found, wanted: frozenset[str] | None, side: Side, level: Level, problems: Problems, notes: list[str]
) -> dict[int, frozenset[str]]:
    """{number: ids} of the files of a feature that have a row which no file before has.

    wanted: the ids of the collection; None: all. A row that counts in two files is a problem.
    """
    ids_of: dict[int, frozenset[str]] = {}
    covered: frozenset[str] = frozenset()
    for number, part in enumerate(found.parts):
        try:
            ids = frozenset(bigfiles.videos(part) if level == "frame" and not part.frames else part.ids)
        except LaffError as error:
            problems.extend(error.problems, part.path)
            continue
        fitting = ids if wanted is None else ids & wanted
        if not fitting - covered:
            why = (
                f"other files of '{found.name}' have its rows"
                if fitting
                else f"it has a row of none of the {_word(side)}"
            )
            if found.parts[1:]:
                notes.append(f"{part.path} is not used: {why}")
        elif both := ids & covered:
            other = next(found.parts[of] for of, theirs in ids_of.items() if theirs & both)
            problems.add(
                f"{part.path} and {other.path} both have a row of '{min(both)}' ({len(both)} such ids), so it is not "
                "clear which one counts: keep one of the two files"
            )
        else:
            ids_of[number] = ids
            covered |= ids
    return ids_of


def _kind(found: Found, items: Items) -> tuple[Side, Level]:
    """Whether the rows are of videos or captions, and whether they are of frames: by the ids, else by the place."""
    ids = [id_ for part in found.parts for id_ in part.ids]
    if any(part.frames for part in found.parts):
        return "video", "frame"
    if not items.sets:
        side = found.side or ("text" if 2 * sum("#" in id_ for id_ in ids) > len(ids) else "video")
        named_so = side == "video" and "frame" in found.name.lower() and all(map(frame_ids.parse, ids))
        return side, "frame" if named_so else "video"
    shared = {side: sum(id_ in known for id_ in ids) for side, known in items.sets.items()}
    if found.side == "text" or (found.side is None and shared["text"] > shared["video"]):
        return "text", "video"
    frames = sum(bool((named := frame_ids.parse(id_)) and named[0] in items.sets["video"]) for id_ in ids)
    return "video", "frame" if frames > shared["video"] else "video"


def _of_another_set(found: Found, items: Items, side: Side) -> str:
    """The problem of a feature none of whose rows is wanted."""
    part = found.parts[0]
    known = items.captions if side == "text" else items.videos
    if not part.ids:
        return f"{part.path}: has no row"
    if not known:
        return f"{part.path}: its ids are such as '{part.ids[0]}', and the collection has no {_word(side)}"
    return (
        f"{part.path}{' and others' if found.parts[1:] else ''}: a row for none of the {len(known)} {_word(side)}, "
        f"such as '{known[0]}'; its own ids are such as '{part.ids[0]}', so it is of another data set, or names things "
        f"otherwise: write the ids as the collection has them{_prefix_hint(found, known)}"
    )


def _prefix_hint(found: Found, wanted: Sequence[str]) -> str:
    """What to do where ids differ by the name of a collection alone, which one made of several puts in front."""
    ids = frozenset().union(*(part.ids for part in found.parts))
    if any(id_.partition("/")[2] in ids for id_ in wanted):
        return (
            "; they differ by a prefix: say `prefix: ''` of that collection in collection.yaml, or write it to the ids"
        )
    return ""


def _word(side: Side) -> str:
    return "captions" if side == "text" else "videos"
