"""The file of each video of a collection, and the messages about videos without one."""

import re
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import Problems, did_you_mean, printable
from pipeline.items.sources import Source, distinct_names
from pipeline.items.splits import Lines
from pipeline.items.video_files import chosen_of, links_out, prefix_of, some
from pipeline.wording import number_of

PART = re.compile(r"(.+)@[0-9.]+-[0-9.]+")  # the id of a window that a rule made
GUESSED = 40  # only so many mistakes get a did-you-mean, because it is slow


def place(
    source: Source, lines: Lines, follow: bool, path: Path, problems: Problems
) -> tuple[dict[str, str], list[str]]:
    """{id: file} of the videos in `lines`, and notes about videos without a file.

    path: collection.yaml. Adds mistakes to `problems`: two files of one id, links out of the folder, and, if no video
    has a file or there are other mistakes, each video without a file.
    """
    known = source.known
    several = {video: list(map(Path, known[video])) for video in lines if len(known.get(video, ())) > 1}
    chosen, notes = chosen_of(several)
    files: dict[str, str] = {}
    for video, (where, line) in lines.items():
        mine = known.get(video, [])
        if video in several and video not in chosen:
            if line:  # line 0: it was reported when the folder was read
                names = distinct_names([file.removeprefix(prefix_of(source.folder)) for file in mine])
                problems.add(f"video '{video}' has {len(mine)} files in {source.place}: {names}", where, line)
        elif mine:
            files[video] = str(chosen[video]) if video in chosen else mine[0]
    notes += _note_missing(source, files, lines, problems)
    if not follow and (out := links_out(files.values(), source.folder, source.links.__contains__)):
        link, where_to = next(iter(out.items()))
        problems.add(
            f"videos: {number_of(out, 'links')} out of {source.folder}, such as {Path(link).name} (to "
            f"{where_to}); if they may be followed, say `follow_links: true` here",
            path,
        )
    for video in lines:  # the path where it should be; the step that opens it reports that it is missing
        if video not in files:
            files[video] = str(source.folder / video)
    return files, notes


def _note_missing(source: Source, files: dict[str, str], lines: Lines, problems: Problems) -> list[str]:
    """A note about the videos without a file; if there are other mistakes, each of these videos is a mistake too."""
    known = source.known
    lost = [video for video in lines if not known.get(video) or files.get(video) in source.lost]
    if not lost:
        return []
    used = set(files.values())  # files that other videos have cannot be the missing ones
    names = [name for name, mine in known.items() if used.isdisjoint(mine)]
    linked = f"; subfolders that are links out of it are not followed: {some(source.linked)}" if source.linked else ""
    deeper = {name.rpartition("/")[2]: name for name in names if "/" in name}

    def hint(video: str) -> str:
        if video in known:
            return ""
        if (part := PART.fullmatch(video)) and part[1] in known:
            return f"; id lists name videos, not their windows: '{part[1]}'"
        return f"; did you mean '{deeper[video]}'?" if video in deeper else _near(video, names[:5000])

    if problems or len(lost) == len(lines):
        for video in lost:
            where, line = lines[video]
            guess = hint(video) if len(problems) < GUESSED else ""  # it takes long, and is not shown
            file = Path(files.get(video, source.place))
            what = f" in {source.place}{linked}" if file == source.place else f": {_instead(file)}"
            problems.add(f"video '{video}' has no file{what}{guess}", where, line)
        return []
    broken = sum(Path(files.get(video, source.place)).is_symlink() for video in lost)
    more = linked + (f"; {broken} of them are links to nothing" if broken else "")
    shown = [f"'{video}'{hint(video).replace('; ', ', ')}" for video in lost[:3]]
    costs = "them, such as " if len(lost) > 3 else "these videos: "
    return [
        printable(
            f"{len(lost):,} of {len(lines):,} videos have no file in {source.place}, which costs {costs}"
            f"{', '.join(shown)}{more}"
        )
    ]


def _instead(file: Path) -> str:
    """What stands at the path of a video that has no file, in words."""
    if file.exists():
        return f"{file} is {'a folder' if file.is_dir() else 'no regular file (a pipe, socket or device)'}"
    return f"{file} is a link to nothing ({file.readlink()})" if file.is_symlink() else f"there is no {file}"


def _near(video: str, names: Sequence[str]) -> str:
    """A did-you-mean among the files whose names hold the same numbers: clip99 is no typing error for clip6."""
    numbers = _numbers(video)
    return did_you_mean(video, [name for name in names if _numbers(name) == numbers])


def _numbers(name: str) -> list[str]:
    return [digits.lstrip("0") for digits in re.findall(r"\d+", name)]
