"""Where a collection's videos lie: in a folder with its subfolders, or where a table says; and the file of each id."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline import ids
from pipeline.errors import did_you_mean, printable
from pipeline.items.lists import Found, csv_rows, text_lines
from pipeline.items.splits import Lines
from pipeline.items.video_files import NO_VIDEO, chosen_of, is_video, leads_out, links_out, other_kind, some

GUESSED = 40  # mistakes with a did-you-mean, which takes long
COLUMNS = ["video", "path"]
TABLE = "a table (CSV with the header `video,path`, or JSONL) can give each file an id of its own"


@dataclass
class Source:
    """The files that `videos:` of a collection.yaml tells of."""

    place: Path  # the folder, or the table
    known: dict[str, list[Path]] = field(
        default_factory=dict
    )  # a file of a folder goes by its name with the ending too
    own: list[str] = field(default_factory=list)  # ids of all videos, where nobody lists them
    links: list[str] = field(default_factory=list)  # subfolders that are links out of the folder, not followed
    notes: list[str] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """What paths are relative to."""
        return self.place if self.place.is_dir() else self.place.parent


def read(place: Path, follow: bool, listed: bool, found: Found) -> Source:
    """Look through a folder or read a table; mistakes noted in `found`.

    listed: whether splits list all videos that are wanted; else each file that is a video is one.
    """
    source = Source(place)
    if not place.is_dir():
        source.known = _table(place, found)
        source.own = list(source.known)
        if not source.own and not found.lines:
            found.add(place, 0, "lists no video")
        return source
    paths: dict[str, Path] = {}
    unread: list[str] = []
    for path in _walk(place, follow, source.links, unread):
        if path.suffix.lower() not in NO_VIDEO:
            paths[str(path.relative_to(place))] = path
    if unread:
        source.notes.append(f"{len(unread)} subfolder(s) of {place} cannot be read: {some(unread)}")
    for name, path in paths.items():
        ending = path.suffix
        for id_ in {ids.clean(name.removesuffix(ending)), ids.clean(name)}:
            source.known.setdefault(id_, []).append(path)
    if not listed:
        _find_own(source, paths, found)
    return source


def _walk(folder: Path, follow: bool, links: list[str], unread: list[str]) -> Iterator[Path]:
    """Files below a folder in order, hidden ones aside; each folder once, though links may lead to it again."""
    seen = {os.path.realpath(folder)}
    left = [folder]
    while left:
        here = left.pop()
        try:
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError:
            unread.append(str(here.relative_to(folder)))
            continue
        deeper = []
        for entry in entries:
            path = here / entry.name
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                if entry.is_symlink() and not follow and leads_out(path, folder):
                    links.append(str(path.relative_to(folder)))
                    continue
                real = os.path.realpath(path)
                if real not in seen:
                    seen.add(real)
                    deeper.append(path)
            elif entry.is_file() or (entry.is_symlink() and not path.exists()):  # a link to nothing is told as such
                yield path
        left += reversed(deeper)


def _find_own(source: Source, paths: dict[str, Path], found: Found) -> None:
    """Fill in `own`, an id for each file that is a video. Mistakes: no video, two of one id, ids apart by case only."""
    by_id: dict[str, list[Path]] = {}
    odd, unnamed = [], []
    for name, path in paths.items():
        if not is_video(path):
            if other_kind(path):
                odd.append(name)
            continue
        id_ = ids.clean(name.removesuffix(path.suffix))
        if ids.wrong(id_):
            unnamed.append(name)
        else:
            by_id.setdefault(id_, []).append(path)
    if odd:
        source.notes.append(f"{len(odd)} file(s) of {source.place} look like no video and are left alone: {some(odd)}")
    if unnamed:
        source.notes.append(
            f"{len(unnamed)} video(s) of {source.place} are left out, since their names are no text that an id can be: "
            f"{some(unnamed)}; rename them, or name them in a table: {TABLE}"
        )
    if source.links:
        found.add(
            source.place,
            0,
            f"{len(source.links)} subfolder(s) are links out of it: {some(source.links)}; if they may be followed, say "
            "`follow_links: true` in collection.yaml",
        )
    elif not by_id:
        what = f"holds no video: {len(paths)} file(s), such as {some(list(paths)[:1])}" if paths else "is empty"
        found.add(source.place, 0, f"{what}; videos have endings such as .mp4, .mkv, .webm, .avi, .mov, .gif")
    for id_, files in by_id.items():
        if len(files) > 1:
            told = _told(files, source.place)
            found.add(source.place, 0, f"id '{id_}' means {len(files)} videos: {told}; rename all but one, or {TABLE}")
    folded: dict[str, str] = {}
    for id_ in by_id:
        other = folded.setdefault(id_.casefold(), id_)
        if other != id_:
            found.add(
                source.place,
                0,
                f"ids '{other}' and '{id_}' differ in upper and lower case only; rename one, or {TABLE}",
            )
    source.own = sorted(by_id)
    source.known.update(by_id)


def _told(files: Sequence[Path], folder: Path) -> str:
    """Names of files, so that two which look alike are told apart."""
    names = [str(file.relative_to(folder)) for file in files]
    if len({ids.clean(name) for name in names}) < len(names):
        names = [ascii(name)[1:-1] for name in names]  # an accent may be a letter's own, or stand behind it
    return ", ".join(names)


def place_videos(
    source: Source, lines: Lines, follow: bool, path: Path, found: Found
) -> tuple[dict[str, str], list[str]]:
    """{id: file} of the videos in `lines`, and notes. A video without a file costs itself, unless no video has one.

    path: collection.yaml. Two files of one id, and links out of the folder, are mistakes.
    """
    known = source.known
    several = {video: known[video] for video in lines if len(known.get(video, [])) > 1}
    chosen, notes = chosen_of(several)
    files: dict[str, str] = {}
    for video, (where, line) in lines.items():
        mine = known.get(video, [])
        if video in several and video not in chosen:
            if line:  # else it has been told
                names = _told(mine, source.place)
                found.add(where, line, f"video '{video}' has {len(mine)} files in {source.place}: {names}")
        elif mine:
            files[video] = str(chosen.get(video, mine[0]))
    notes += _note_missing(source, files, lines, found)
    if not follow and (out := links_out(files.values(), source.folder)):
        link, where_to = next(iter(out.items()))
        found.add(
            path,
            0,
            f"videos: {len(out)} file(s) are links out of {source.folder}, such as {Path(link).name} (to {where_to}); "
            "if they may be followed, say `follow_links: true` here",
        )
    for video in lines:  # where it would be; who opens it says that nothing is there
        files.setdefault(video, str(source.folder / video))
    return files, notes


def _note_missing(source: Source, files: dict[str, str], lines: Lines, found: Found) -> list[str]:
    """A note of the videos that have no file; mistakes instead, a line each, where there are other mistakes too."""
    known = source.known
    lost = [video for video in lines if not known.get(video) or (video in files and not Path(files[video]).is_file())]
    if not lost:
        return []
    names = list(known)[:5000]
    linked = f"; subfolders that are links out of it are not followed: {some(source.links)}" if source.links else ""
    deeper = {name.rpartition("/")[2]: name for name in known if "/" in name}

    def hint(video: str) -> str:
        if video in known:
            return ""
        return f"; did you mean '{deeper[video]}'?" if video in deeper else did_you_mean(video, names)

    if found.lines or len(lost) == len(lines):
        for video in lost:
            where, line = lines[video]
            guess = hint(video) if len(found.lines) < GUESSED else ""  # it takes long, and is not shown
            file = Path(files.get(video, source.place))
            what = f" in {source.place}{linked}" if file == source.place else f": there is no {file}"
            if file.is_symlink():
                what = f": {file} is a link to nothing ({file.readlink()})"
            found.add(where, line, f"video '{video}' has no file{what}{guess}")
        return []
    broken = sum(Path(files.get(video, source.place)).is_symlink() for video in lost)
    more = linked + (f"; {broken} of them are links to nothing" if broken else "")
    shown = [f"'{video}'{hint(video).replace('; ', ', ')}" for video in lost[:3]]
    return [
        printable(
            f"{len(lost)} of {len(lines)} videos have no file in {source.place}, which costs these videos: "
            f"{', '.join(shown)}{', …' if len(lost) > 3 else ''}{more}"
        )
    ]


def _table(table: Path, found: Found) -> dict[str, list[Path]]:
    """{id: [file]} of a table; paths relative to it."""
    known: dict[str, list[Path]] = {}
    rows = _jsonl(table, found) if table.suffix.lower() == ".jsonl" else _csv(table, found)
    for number, video, path in rows:
        if wrong := ids.wrong(video):
            found.add(table, number, wrong)
        elif video in known:
            found.add(table, number, f"video '{video}' stands again")
        elif "\0" in path or not path:
            found.add(table, number, f"video '{video}': {path!r} is no path of a file")
        else:
            known[video] = [table.parent / path]
    return known


def _csv(table: Path, found: Found) -> Iterator[tuple[int, str, str]]:
    rows = csv_rows(table, found)
    number, header = next(rows, (1, []))
    if [cell.strip() for cell in header] != COLUMNS:
        found.add(table, number, f"the first line should be 'video,path', not {','.join(header)[:60]!r}")
        return
    for number, row in rows:
        if len(row) == 2:
            yield number, ids.clean(row[0]), row[1].strip()
        else:
            found.add(table, number, f"has {len(row)} columns instead of 2")


def _jsonl(table: Path, found: Found) -> Iterator[tuple[int, str, str]]:
    for number, line in text_lines(table, found):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if (
            isinstance(row, dict)
            and sorted(row) == sorted(COLUMNS)
            and all(isinstance(row[key], str) for key in COLUMNS)
        ):
            yield number, ids.clean(row["video"]), row["path"]
        else:
            found.add(table, number, 'should be {"video": …, "path": …}, both texts')
