"""A collection: videos, captions and splits as collection.yaml describes them, checked before any work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline import yamls
from pipeline.errors import LaffError, Problems, did_you_mean
from pipeline.items import fast_folder, fast_lists, joining, named, placing, shot_lists, sources, splits, windowing
from pipeline.items.lists import Captions, named_file
from pipeline.items.splits import SPLITS
from pipeline.items.video_files import some
from pipeline.items.windowing import Even, Listed, Shots
from pipeline.items.windows import WHOLE, Window
from pipeline.wording import number_of

SHOWN = 1000  # problems printed one by one; the rest is counted
KEYS = ("name", "protocol", "videos", "follow_links", "windows", *SPLITS)
NO_CAPTIONS = (
    "windows: captions describe whole videos, and a window is a part of one; to describe parts, list them in a table "
    "`video,path,start,end` and name its ids in the captions"
)


@dataclass
class Collection:
    """What collection.yaml says, read and checked."""

    name: str
    path: Path
    # Video id -> file, which may not be there; empty where features are imported.
    files: dict[str, str] = field(default_factory=dict)
    windows: dict[str, Window] = field(default_factory=dict)  # of ids that are parts of their files
    windowing: Even | Shots | None = None  # how the videos are yet to be divided into windows, when they were looked at
    to_divide: frozenset[str] | None = None  # the videos that `windowing` is for; None: all
    ids: dict[str, list[str]] = field(default_factory=dict)  # split -> video ids
    captions: dict[str, Captions] = field(default_factory=dict)  # split -> captions
    queries: Captions = field(default_factory=Captions)  # texts that test is asked without a known answer
    val_is_test: bool = False  # whether the videos of test are those of val too; val lists none then
    notes: list[str] = field(default_factory=list)  # remarks that are no mistakes, a line each
    unnamed: list[str] = field(default_factory=list)  # files of videos that are left out: their names can be no id
    protocol: str = ""  # DATA SET/PROTOCOL, where the splits are those of a protocol that others use too
    # Of the collections that this one is made of: their names -> what their ids begin with here; empty without any.
    prefixes: dict[str, str] = field(default_factory=dict)

    @property
    def has_videos(self) -> bool:
        """Whether there are raw videos; a collection may start from imported features."""
        return bool(self.files)

    @property
    def undivided(self) -> dict[str, str]:
        """{video: file} of the videos that `windowing` divides."""
        if self.to_divide is None:
            return self.files
        return {video: file for video, file in self.files.items() if video in self.to_divide}

    def divided(self, parts: Mapping[str, Sequence[tuple[str, Window]]]) -> "Collection":
        """The collection whose items are `parts`: for a video the id and the bounds of each, by the time they start.

        Videos without parts stay as they are. LaffError where a window has the id of another item.
        """
        files: dict[str, str] = {}
        windows: dict[str, Window] = {}
        for video, file in self.files.items():
            for id_, window in parts.get(video, [(video, self.windows.get(video, WHOLE))]):
                if id_ in files:
                    raise LaffError(
                        f"{self.path}: '{id_}' is a part of '{video}', and the id of another item too; rename the "
                        "file, or list the parts in a table `video,path,start,end`"
                    )
                files[id_] = file
                if window != WHOLE:
                    windows[id_] = window
        members = {
            split: [id_ for video in videos for id_, _ in parts.get(video, [(video, WHOLE)])]
            for split, videos in self.ids.items()
        }
        return replace(self, files=files, ids=members, windows=windows, windowing=None, to_divide=None)


def load(path: Path) -> Collection:
    """Read a collection.yaml and everything it names; one LaffError lists every mistake with its file and line."""
    return _load(path, ())


def _load(path: Path, above: tuple[Path, ...]) -> Collection:
    """The collection of a file; above: the files that name it, one inside the other."""
    raw = yamls.load(path)
    if not isinstance(raw, dict):
        raise LaffError(f"{path}: should be a mapping; `videos: FOLDER` is enough")
    problems = Problems()
    for key in raw:
        if key not in KEYS:
            problems.add(f"unknown key '{key}'{did_you_mean(str(key), KEYS)} (known: {', '.join(KEYS)})", path)
    if isinstance(raw.get("name"), dict | list):
        problems.add("name: should be a word, not a list or a mapping", path)
    if not isinstance(protocol := raw.get("protocol", ""), str):
        problems.add(f"protocol: should be a word such as msrvtt/1k-a, not {protocol!r}", path)
    collection = Collection(str(raw.get("name") or path.resolve().parent.name), path, protocol=str(protocol))
    others = named.read(raw, path, problems)
    if any(named.is_named(split, raw.get(split)) for split in SPLITS):
        collection = _joined(raw, collection, others, (*above, path.resolve()), problems)
    else:
        collection = _described(raw, collection, problems)
    if problems:
        raise problems.error(path, most=SHOWN)
    return collection


def _joined(
    raw: dict[str, Any],
    collection: Collection,
    others: Sequence[named.Named],
    above: tuple[Path, ...],
    problems: Problems,
) -> Collection:
    """A collection whose splits are partly those of others. above: the files that name these, this one the last."""
    path, read = collection.path, dict[Path, Collection]()
    for file in dict.fromkeys(entry.file for entry in others):
        if (place := file.resolve()) in above:
            circle = [*above[above.index(place) :], place]
            problems.add(f"{file} is made of itself: {' -> '.join(map(str, circle))}", path)
            continue
        try:
            read[file] = _load(file, above)
        except LaffError as error:
            problems.extend(error.problems)
    left = {key: value for key, value in raw.items() if not named.is_named(key, value)}
    val_is_test = left.get("val") == "test" and "test" not in left
    if val_is_test:
        del left["val"]
        if "test" not in raw:
            problems.add("val: test: there is no test; describe it", path)
    listed_here = None
    if any(split in left for split in SPLITS):
        listed_here = _described(left, Collection(collection.name, path), problems)
    elif "videos" in left or "windows" in left:
        key = "videos" if "videos" in left else "windows"
        problems.add(f"{key}: no split is of them; `test: {{}}` takes all, and other collections have their own", path)
    if problems:
        return collection
    whole = joining.join(others, read, listed_here, val_is_test, path, problems)
    protocol = collection.protocol or whole.protocol
    return replace(collection, **(vars(whole) | {"protocol": protocol}))


def _described(raw: dict[str, Any], collection: Collection, problems: Problems) -> Collection:
    """The collection of the lists and videos that `raw` names."""
    # Mistakes are rare, and a million lines are many: only where something is off, each line is looked at.
    in_bulk = not problems and "windows" not in raw
    listed = [split for split in SPLITS if split in raw]
    if in_bulk and (sound := fast_lists.read(raw, collection.path, listed) or fast_folder.read(raw, collection.path)):
        return replace(collection, ids=sound.ids, captions=sound.captions, files=sound.files, notes=sound.notes)
    _read(raw, collection, problems)
    return collection


def _read(raw: dict[str, Any], collection: Collection, problems: Problems) -> None:
    """Fill in a collection line by line."""
    path = collection.path
    listed = any(split in raw for split in SPLITS)
    if not listed and "videos" not in raw:
        problems.add("names no videos and no split: give `videos:` a folder or a table", path)
        return
    about_videos = Problems()  # told after what is wrong with lists
    follow = raw.get("follow_links", False)
    if not isinstance(follow, bool):
        about_videos.add(f"follow_links: should be true or false, not {follow!r}", path)
    source = None
    if "videos" in raw and (place := named_file(raw, "videos", path, "", about_videos)):
        takes_rest = not listed or any(
            isinstance(raw.get(split), dict) and not {"ids", "captions"} & raw[split].keys() for split in SPLITS
        )
        source = sources.read(place, follow is True, not takes_rest, about_videos)
        collection.notes += source.notes
        collection.unnamed = source.unnamed
    listed_by_source = source.all_videos if source else {} if "videos" in raw else None
    read = splits.read(raw, path, listed_by_source, problems)
    collection.ids, collection.captions, collection.queries = read.ids, read.captions, read.queries
    collection.val_is_test = read.val_is_test
    collection.notes += read.notes
    problems.extend(about_videos)
    if source:
        collection.files, notes = placing.place(source, read.lines, follow is True, path, problems)
        collection.notes += notes
        collection.windows = {video: source.windows[video] for video in collection.files if video in source.windows}
        _put_together(collection)
    if "windows" in raw:
        _divide(raw["windows"], collection, source, problems)


def _put_together(collection: Collection) -> None:
    """Sort the ids of each split so that the windows of a video follow each other, by their start."""
    if collection.windows:
        for split, members in collection.ids.items():
            files = [collection.files[video] for video in members]
            place = {file: number for number, file in reversed([*enumerate(files)])}
            at = {video: (place[collection.files[video]], *collection.windows.get(video, WHOLE)) for video in members}
            collection.ids[split] = sorted(members, key=at.__getitem__)


def _divide(value: Any, collection: Collection, source: sources.Source | None, problems: Problems) -> None:
    """Read `windows:`: divide the videos at once by a list of shots, or note how they are to be divided later."""
    path = collection.path
    chosen = windowing.read(value, path, problems)
    if source is None:
        problems.add("windows: there are no videos to divide; name `videos:`", path)
    elif source.windows:
        problems.add(f"windows: {source.place.name} lists parts of videos already; leave one of the two out", path)
    if any(len(captions) for captions in collection.captions.values()):
        problems.add(NO_CAPTIONS, path)
    if isinstance(chosen, Listed):
        lists = shot_lists.read(chosen.place, problems)
        if not problems:
            parts = _of_videos(lists, collection, chosen.place, problems)
            items = collection.divided(parts)
            collection.files, collection.ids, collection.windows = items.files, items.ids, items.windows
    else:
        collection.windowing = chosen


def _of_videos(
    lists: shot_lists.Lists, collection: Collection, place: Path, problems: Problems
) -> dict[str, list[tuple[str, Window]]]:
    """{video: its shots}. The list NAME belongs to the video NAME, or else to the one whose id ends in /NAME."""
    by_name: dict[str, list[str]] = {}
    for video in collection.files:
        for name in {video, video.rpartition("/")[2]}:
            by_name.setdefault(name, []).append(video)
    parts: dict[str, list[tuple[str, Window]]] = {}
    for name, shots in lists.of.items():
        of = [name] if name in collection.files else by_name.get(name, [])
        if len(of) > 1:
            problems.add(f"the shots of '{name}' may be those of {len(of)} videos: {some(of)}", place)
        elif of and shots:
            parts[of[0]] = sorted(shots, key=lambda shot: shot[1])
    if not parts and not problems:
        problems.add(
            f"lists shots of none of the {len(collection.files):,} videos, such as {some(list(lists.of))}", place
        )
    if lists.empty:
        collection.notes.append(f"{number_of(lists.empty, 'shots')} of {place} without a length, left out")
    if lacking := [video for video in collection.files if video not in parts]:
        collection.notes.append(
            f"{place} lists no shots of {number_of(lacking, 'videos')}, left whole: {some(lacking)}"
        )
    return parts
