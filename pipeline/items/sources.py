"""The files of a collection's videos: those of a folder and its subfolders, or those that a table lists."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline import ids
from pipeline.errors import Problems
from pipeline.items import video_table
from pipeline.items.video_files import (
    EXPECTED,
    NO_VIDEO,
    is_file,
    is_folder,
    is_video,
    leads_out,
    lost_and_links,
    prefix_of,
    some,
    stem_and_ending,
)
from pipeline.items.windows import Window
from pipeline.wording import number_of

TABLE = "a table (CSV with the header `video,path`, or JSONL) can give each file an id of its own"


@dataclass
class Source:
    """The files that `videos:` of a collection.yaml names. Paths are text: there may be a million."""

    place: Path  # the folder, or the table
    folder: Path  # relative paths start here
    # {id: candidate files}; a file of a folder is listed under its name without the ending and with it
    known: dict[str, list[str]] = field(default_factory=dict)
    # {id: id with ending} of all videos in a folder, if no split lists its videos
    all_videos: dict[str, str] = field(default_factory=dict)
    windows: dict[str, Window] = field(default_factory=dict)  # {id: its part of the file}, if it is not a whole file
    lost: set[str] = field(default_factory=set)  # paths without a file
    links: set[str] = field(default_factory=set)  # paths that are links
    pipes: list[str] = field(default_factory=list)  # names of pipes, sockets, devices
    linked: list[str] = field(default_factory=list)  # subfolders that are links out of the folder: not followed
    out: list[str] = field(
        default_factory=list
    )  # links out of the folder, subfolders and files, if nobody lists videos
    unnamed: list[str] = field(default_factory=list)  # videos whose names cannot be written as ids
    notes: list[str] = field(default_factory=list)


def read(place: Path, follow: bool, listed: bool, problems: Problems) -> Source:
    """Look through a folder or read a table; adds mistakes to `problems`.

    listed: whether splits list their videos; if not, all video files are taken.
    """
    if not place.is_dir():
        source = Source(place, place.parent)
        before = len(problems)
        listed_there = video_table.read(place, problems)
        source.known = {video: [path] for video, path in listed_there.files.items()}
        source.windows = listed_there.windows
        source.all_videos = {video: video for video in source.known}
        if not source.all_videos and len(problems) == before:
            problems.add("lists no video", place)
        source.lost, source.links = lost_and_links(listed_there.files.values())
        return source
    source = Source(place, place)
    unread: list[str] = []
    names = [name for name in _walk(source, follow, unread) if stem_and_ending(name)[1] not in NO_VIDEO]
    if unread:
        source.notes.append(f"{number_of(unread, 'subfolders')} of {place} cannot be read: {some(unread)}")
    prefix = prefix_of(place)
    for name in names:
        for id_ in {ids.clean(stem_and_ending(name)[0]), ids.clean(name)}:
            source.known.setdefault(id_, []).append(f"{prefix}{name}")
    for name in source.pipes:  # counts as lost, unless there is a file with the same name
        source.lost.add(f"{prefix}{name}")
        for id_ in {ids.clean(stem_and_ending(name)[0]), ids.clean(name)}:
            source.known.setdefault(id_, [f"{prefix}{name}"])
    if not listed:
        _find_own(source, names if follow else _without_links_out(source, names), problems)
    return source


def _walk(source: Source, follow: bool, unread: list[str]) -> Iterator[str]:
    """Names of the files below a folder in order, without hidden ones; no folder twice, even through links."""
    prefix = prefix_of(source.folder)
    seen = {os.path.realpath(source.folder)}
    left = [""]
    while left:
        here = left.pop()
        try:
            with os.scandir(f"{prefix}{here}" or ".") as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError:
            unread.append(here)
            continue
        deeper = []
        for entry in entries:
            name = f"{here}{entry.name}"
            if entry.name.startswith("."):
                continue
            if is_folder(entry):
                if entry.is_symlink() and not follow and leads_out(entry.path, source.folder):
                    source.linked.append(name)
                elif (real := os.path.realpath(entry.path)) not in seen:
                    seen.add(real)
                    deeper.append(f"{name}/")
                continue
            link = entry.is_symlink()
            if link:
                source.links.add(f"{prefix}{name}")
            if is_file(entry):
                yield name
            elif link and not os.path.exists(entry.path):  # a link to nothing is lost  # noqa: PTH110
                source.lost.add(f"{prefix}{name}")
                yield name
            else:
                source.pipes.append(name)
        left += reversed(deeper)


def _without_links_out(source: Source, names: Sequence[str]) -> list[str]:
    """Names of files without those that are links out of the folder, which are noted."""
    prefix = prefix_of(source.folder)
    paths = [path for path in (f"{prefix}{name}" for name in names) if path in source.links]
    out = {path for path in paths if Path(path).exists() and leads_out(path, source.folder)}
    for what, links in (("file", [path.removeprefix(prefix) for path in sorted(out)]), ("subfolder", source.linked)):
        if links:
            source.notes.append(
                f"{number_of(links, f'{what}s')} of {source.place} left out, as links out of it: "
                f"{some(links)}; `follow_links: true` in collection.yaml, or `laff index --follow-links`, follows them"
            )
    source.out = [*(path.removeprefix(prefix) for path in sorted(out)), *source.linked]
    return [name for name in names if f"{prefix}{name}" not in out]


def _find_own(source: Source, names: Sequence[str], problems: Problems) -> None:
    """Fill in `own`, an id for each file that is a video. Mistakes: no video, two of one id, ids apart by case only."""
    prefix = prefix_of(source.folder)
    by_id: dict[str, list[str]] = {}
    odd: list[str] = []
    unnamed = source.unnamed
    for name in names:
        stem, ending = stem_and_ending(name)
        if not is_video(f"{prefix}{name}", ending):
            if ending not in EXPECTED:
                odd.append(name)
            continue
        id_ = ids.clean(stem)
        if ids.wrong(id_):
            unnamed.append(name)
        else:
            by_id.setdefault(id_, []).append(name)
    place = source.place
    if odd:
        source.notes.append(f"{number_of(odd, 'files')} of {place} left alone, as unlike a video: {some(odd)}")
    if unnamed:
        source.notes.append(
            f"{number_of(unnamed, 'videos')} of {place} left out, since no id can be as their names: "
            f"{some(unnamed)}; rename them, or list them: {TABLE}"
        )
    if not by_id:
        others = [name for name in names if name not in unnamed]
        what = f"{number_of(others, 'files')}, such as {some(others[:1])}; " if others else ""
        then = "videos have endings such as .mp4, .mkv, .webm, .avi, .mov, .gif"
        if unnamed:
            then = f"{number_of(unnamed, 'videos', 'have')} a name that no id can be: {some(unnamed)}; rename them"
        elif source.out:
            then = (
                f"{number_of(source.out, 'links', 'lead')} out of it: {some(source.out)}; `follow_links: true` in "
                "collection.yaml, or `laff index --follow-links`, follows them"
            )
        problems.add(f"holds no video{': ' if what else '; '}{what}{then}", place)
    for id_, files in by_id.items():
        if len(files) > 1:
            problems.add(
                f"id '{id_}' means {len(files)} videos: {distinct_names(files)}; rename all but one, or {TABLE}", place
            )
    folded: dict[str, str] = {}
    for id_ in by_id:
        if (other := folded.setdefault(id_.casefold(), id_)) != id_:
            problems.add(
                f"ids '{other}' and '{id_}' differ in upper and lower case only; rename one, or {TABLE}", place
            )
    source.all_videos = {id_: ids.clean(by_id[id_][0]) for id_ in sorted(by_id)}
    source.known.update({id_: [f"{prefix}{name}" for name in files] for id_, files in by_id.items()})


def distinct_names(names: Sequence[str]) -> str:
    """Names of files in one line; where two look alike, with escapes that show the difference."""
    if len({ids.clean(name) for name in names}) < len(names):
        names = [ascii(name)[1:-1] for name in names]  # an accent may be a letter's own, or stand behind it
    return ", ".join(names)
