"""Lists of shots as TRECVID gives them out: the master shot references of V3C and of IACC and those before it.

V3C: a file NAME.tsv for each video, NAME being the video's. Below the header `startframe starttime endframe endtime`
a line is a shot, numbered from 1: shotNAME_1. Frames count from 0, and the last one is still in the shot; times are in
seconds. Where the next shot begins with the next frame, the shot goes on until then.

IACC and older: a file NUMBER.mp7.xml (MPEG-7) for each video. Its VideoSegments with ids such as shot45721_1 are the
shots; those inside of them (…_RKF, …_NRKF) are not. MediaTimePoint `T00:00:16:4484F30000` is 16 seconds and 4484 of
30000 parts of one, MediaDuration `PT16S4484N30000F` as long. Files of videos are known by the `filename` that
collection.xml, beside them or above, gives each number; without it by the number itself.

Sources: NIST, "Information about the MediaTimePoint and MediaDuration elements" (TREC 2002, time.elements) and NOTES of
iacc.2.master.shot.reference; that frames of V3C count from 0 and include the last, from the reader of vitrivr/cineast.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from pipeline import ids
from pipeline.errors import Problems
from pipeline.items.lists import text_lines
from pipeline.items.windows import Window, seconds_of

HEADER = ["startframe", "starttime", "endframe", "endtime"]
SHOT = re.compile(r"shot(\d+)_\d+", re.ASCII)
POINT = re.compile(r"T(\d+):(\d+):(\d+)(?::(\d+)F(\d+))?", re.ASCII)
DURATION = re.compile(r"PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?(?:(\d+)N(\d+)F)?", re.ASCII)
XML = ".xml"

Shots = list[tuple[str, Window]]  # of one video: the id and the bounds of each


@dataclass
class Lists:
    """The shots of many videos, by the names of the videos."""

    of: dict[str, Shots] = field(default_factory=dict)  # name of a video's file without its ending -> its shots
    empty: int = 0  # shots of no length, which are left out


def read(place: Path, problems: Problems) -> Lists:
    """The lists of a file or of a folder with its subfolders; mistakes are noted in `problems`."""
    lists = Lists()
    every = sorted(path for path in place.rglob("*") if path.is_file()) if place.is_dir() else [place]
    files = [file for file in every if file.suffix.lower() in (".tsv", XML)]
    if not files:
        wanted = "V3C's .tsv or MPEG-7's .mp7.xml files"
        frames = " (.msb and .sb hold frame numbers alone: take the mp7 files)" if _has_frames(every) else ""
        problems.add(f"holds no list of shots: {wanted}, one for each video{frames}", place)
    names: dict[str, str] = {}
    xmls = [file for file in files if file.suffix.lower() == XML]
    for file in (file for file in xmls if _is_collection(file)):
        names |= _collection(file, problems)
    if xmls and not place.is_dir():
        for file in sorted({*place.parent.glob("*collection.xml"), *place.parent.parent.glob("*collection.xml")}):
            names |= _collection(file, problems)
    for file in files:
        if file.suffix.lower() == ".tsv":
            _add(lists, file, ids.clean(file.stem), _tsv(file, lists, problems), problems)
        elif not _is_collection(file):
            for number, shots in _mpeg7(file, lists, problems):
                _add(lists, file, names.get(number, number), shots, problems)
    return lists


def _has_frames(files: list[Path]) -> bool:
    return any(file.suffix.lower() in (".msb", ".sb", ".ssb") for file in files)


def _is_collection(file: Path) -> bool:
    return file.name.lower().endswith("collection.xml")


def _add(lists: Lists, file: Path, name: str, shots: Shots, problems: Problems) -> None:
    if name in lists.of:
        problems.add(f"lists shots of '{name}', which another file lists too", file)
    lists.of[name] = shots


def _tsv(file: Path, lists: Lists, problems: Problems) -> Shots:
    lines = [(number, [cell.strip() for cell in line.split("\t")]) for number, line in text_lines(file, problems)]
    if not lines or [cell.lower() for cell in lines[0][1]] != HEADER:
        problems.add(f"the first line should be '{' '.join(HEADER)}', with tabs between", file, 1)
        return []
    bounds: list[tuple[int, float, int, float]] = []
    for number, cells in lines[1:]:
        times = [seconds_of(cell) for cell in cells[1::2]] if len(cells) == 4 else []
        if not times or None in times or not (cells[0].isdecimal() and cells[2].isdecimal()):
            problems.add(
                f"should be a frame, a time, a frame and a time, with tabs between; not {cells}"[:200], file, number
            )
            return []
        bounds.append((int(cells[0]), times[0], int(cells[2]), times[1]))  # type: ignore[arg-type]
    shots: Shots = []
    for place, (_, start, last, end) in enumerate(bounds):
        if place + 1 < len(bounds) and bounds[place + 1][0] == last + 1:
            end = bounds[place + 1][1]
        _keep(
            shots,
            f"shot{ids.clean(file.stem)}_{place + 1}",
            Window(start, end),
            file,
            lines[place + 1][0],
            lists,
            problems,
        )
    return shots


def _keep(shots: Shots, id_: str, window: Window, file: Path, line: int, lists: Lists, problems: Problems) -> None:
    if window.end == window.start:
        lists.empty += 1
    elif window.wrong:
        problems.add(f"shot '{id_}' {window.wrong}", file, line)
    else:
        shots.append((id_, window))


def _parsed(file: Path, problems: Problems) -> ElementTree.Element | None:
    try:
        return ElementTree.parse(file).getroot()
    except ElementTree.ParseError as error:
        problems.add(f"is no XML: {error}", file, error.position[0])
    except (OSError, ValueError, LookupError) as error:  # of an encoding that it claims
        problems.add(f"cannot be read: {error}", file)
    return None


def _local(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _children(element: ElementTree.Element, name: str) -> Iterator[ElementTree.Element]:
    return (child for child in element if _local(child) == name)


def _text(element: ElementTree.Element, *path: str) -> str:
    for name in path:
        child = next(_children(element, name), None)
        if child is None:
            return ""
        element = child
    return (element.text or "").strip()


def _collection(file: Path, problems: Problems) -> dict[str, str]:
    """{number of a video: the name of its file without the ending}."""
    root = _parsed(file, problems)
    videos = [element for element in root.iter() if _local(element) == "VideoFile"] if root is not None else []
    return {
        _text(video, "id"): ids.clean(Path(_text(video, "filename")).stem)
        for video in videos
        if _text(video, "id") and _text(video, "filename")
    }


def _mpeg7(file: Path, lists: Lists, problems: Problems) -> Iterator[tuple[str, Shots]]:
    """The number of each video that a file describes, and its shots."""
    root = _parsed(file, problems)
    if root is None:
        return
    by_number: dict[str, Shots] = {}
    for segment in root.iter():
        match = SHOT.fullmatch(segment.get("id", "")) if _local(segment) == "VideoSegment" else None
        if not match:
            continue
        shots = by_number.setdefault(match.group(1), [])
        start = _point(_text(segment, "MediaTime", "MediaTimePoint"))
        length = _duration(_text(segment, "MediaTime", "MediaDuration"))
        if start is None or length is None:
            problems.add(
                f"shot '{match.group()}' has no MediaTimePoint and MediaDuration as `T00:00:16:4484F30000`, `PT16S…`",
                file,
            )
            continue
        _keep(shots, match.group(), Window(start, start + length), file, 0, lists, problems)
    if not by_number:
        problems.add("describes no shot: no VideoSegment has an id such as shot45721_1", file)
    yield from by_number.items()


def _point(text: str) -> float | None:
    match = POINT.fullmatch(text)
    return _seconds(match.groups()) if match else None


def _duration(text: str) -> float | None:
    match = DURATION.fullmatch(text)
    return _seconds(match.groups()) if match else None


def _seconds(parts: tuple[str | None, ...]) -> float | None:
    hours, minutes, seconds, count, of = (int(part or 0) for part in parts)
    if count and not of:
        return None
    return 3600 * hours + 60 * minutes + seconds + (count / of if of else 0.0)
