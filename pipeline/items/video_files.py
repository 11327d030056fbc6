"""The files of videos: which of several that share a name is the video, and which are links out of their folder."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from pipeline.errors import printable
from pipeline.video import stills
from pipeline.wording import number_of

# Endings with a dot, in lower case. A file with one of NO_VIDEO is never looked at as a video.
NO_VIDEO = {".txt", ".csv", ".tsv", ".json", ".jsonl", ".yaml", ".yml", ".md", ".srt", ".vtt", ".npz", ".npy", ".h5"}
VIDEO = {
    *(".mp4", ".m4v", ".mov", ".qt", ".mkv", ".webm", ".avi", ".divx", ".flv", ".f4v", ".wmv", ".asf", ".mpg", ".mpeg"),
    *(".mpe", ".m1v", ".m2v", ".vob", ".ts", ".mts", ".m2ts", ".3gp", ".3g2", ".ogv", ".ogm", ".rm", ".rmvb", ".mxf"),
    *(".mjpeg", ".mjpg", ".y4m", ".h264", ".264", ".h265", ".265", ".hevc", ".ivf", ".dv", ".nut"),
}
PICTURE = {
    *(".jpg", ".jpeg", ".jpe", ".png", ".webp", ".heic", ".heif", ".hif", ".avif", ".bmp", ".tif", ".tiff", ".jxl"),
    *(".jp2", ".ico", ".svg", ".psd", ".dng", ".cr2", ".nef", ".arw", ".thm"),
}
MAY_MOVE = (".webp", ".png", ".avif")  # the first bytes tell
BESIDE = {  # what downloaders, phones and people lay beside a video
    *(".description", ".info", ".nfo", ".log", ".xml", ".html", ".pdf", ".ass", ".ssa", ".sub", ".idx", ".lrc", ".aae"),
    *(".mp3", ".m4a", ".wav", ".aac", ".flac", ".opus", ".oga", ".ac3", ".part", ".ytdl", ".aria2", ".tmp", ".bak"),
    *(
        ".md5",
        ".sha1",
        ".sha256",
        ".pkl",
        ".pt",
        ".pth",
        ".zip",
        ".tar",
        ".gz",
        ".xmp",
        ".url",
        ".torrent",
        ".db",
        ".ini",
        ".lnk",
    ),
}


EXPECTED = VIDEO | PICTURE | BESIDE | NO_VIDEO  # what nobody wonders about in a folder of videos
CONTAINERS = (  # how files begin that FFmpeg reads as videos: where in them, and with what
    *((4, b"ftyp"), (8, b"AVI "), (0, b"\x1aE\xdf\xa3"), (0, b"FLV\x01"), (0, b"OggS"), (0, b"GIF8")),
    *((0, b"\x30\x26\xb2\x75"), (0, b"\0\0\1\xba"), (4, b"moov"), (4, b"mdat"), (0, b".RMF")),
)


def is_video(path: str, ending: str) -> bool:
    """Whether a file of a folder is a video, as far as its ending tells, or its first bytes where that does not."""
    if ending in VIDEO or ending == ".gif":
        return True
    if ending in BESIDE or ending in NO_VIDEO:
        return False
    file = Path(path)
    if ending in MAY_MOVE:
        return bool(_head(file)) and not stills.kind(file)
    return ending not in PICTURE and any(_head(file)[at:].startswith(start) for at, start in CONTAINERS)


def _head(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(16)
    except OSError:
        return b""


def videos_among(files: Sequence[Path], video: str) -> Sequence[Path]:
    """Of files that the id `video` may mean, those that are videos as far as can be told: one, if that is clear.

    Endings decide, and where they leave several, the first bytes of pictures and the id that names a file whole. Where
    all are pictures or lie beside a video that is not there, it is the first picture: who opens it says what it is.
    """
    if len(files) == 1:
        return files
    clear = [file for file in files if file.suffix.lower() in VIDEO]  # no file is opened: there may be a million
    if len(clear) == 1:
        return clear
    ranks = [_rank(file) for file in files]
    best = [file for file, rank in zip(files, ranks, strict=True) if rank == min(ranks)]
    if min(ranks) >= 2:
        return best[:1]
    return [file for file in best if file.name == video] or best


def _rank(file: Path) -> int:
    """How little a file looks like a video, from 0 to 3, among files of one name."""
    ending = file.suffix.lower()
    if ending in VIDEO:
        return 0
    if ending in BESIDE:
        return 3
    return 2 if stills.kind(file) or (ending in PICTURE and ending not in MAY_MOVE) else 1


def chosen_of(several: Mapping[str, Sequence[Path]]) -> tuple[dict[str, Path], list[str]]:
    """The right file of each id that may mean several, where that is clear; and a note of the other files, if any."""
    among = {video: videos_among(files, video) for video, files in several.items()}
    chosen = {video: files[0] for video, files in among.items() if len(files) == 1}
    left = [file.name for video in chosen for file in several[video] if file != chosen[video]]
    if not left:
        return chosen, []
    return chosen, [f"{number_of(left, 'files', 'share')} a name with a video, left alone: {some(sorted(left))}"]


def links_out(paths: Iterable[str], folder: Path, is_link: Callable[[str], bool] = os.path.islink) -> dict[str, str]:
    """{path: where it leads} of the `paths` that are links, or lie behind links, to something outside the folder.

    Of a path that does not begin with the folder only the file itself counts, against the folder that it lies in. A
    link to nothing leads nowhere. `is_link` tells whether a file is one, where that is known already.
    """
    prefix = prefix_of(folder)
    inside = os.path.join(os.path.realpath(folder), "")  # noqa: PTH118 - a million paths
    real: dict[str, str] = {}  # folder -> where it is
    targets = {}
    for path in paths:
        parent, _, name = path.rpartition("/")
        if parent not in real:
            real[parent] = os.path.join(os.path.realpath(parent or ("/" if path[:1] == "/" else ".")), "")  # noqa: PTH118
        place = os.path.realpath(path) if is_link(path) else real[parent] + name
        below = path.startswith(prefix) and "/../" not in path
        if not place.startswith(inside if below else real[parent]) and os.path.exists(place):  # noqa: PTH110
            targets[path] = place
    return targets


def lost_and_links(paths: Iterable[str]) -> tuple[set[str], set[str]]:
    """The `paths` where there is no file, and those that are links to files.

    Their folders are listed, which takes a tenth of the time of asking for each file.
    """
    listed: dict[str, dict[str, bool]] = {}  # folder -> file -> whether it is a link
    lost, links = set(), set()
    for path in paths:
        folder, _, name = path.rpartition("/")
        if folder not in listed:
            try:
                with os.scandir(folder or ("/" if path.startswith("/") else ".")) as entries:
                    listed[folder] = {entry.name: entry.is_symlink() for entry in entries if is_file(entry)}
            except OSError:
                listed[folder] = {}
        link = listed[folder].get(name)
        if link is None:
            lost.add(path)
        elif link:
            links.add(path)
    return lost, links


def is_file(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of a folder is a regular file or a link to one; False for a link to itself."""
    try:
        return entry.is_file()
    except OSError:
        return False


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry of a folder is a folder or a link to one; False for a link to itself."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def leads_out(link: str, folder: Path) -> bool:
    """Whether a link leads out of a folder."""
    return not Path(os.path.realpath(link)).is_relative_to(os.path.realpath(folder))


def stem_and_ending(name: str) -> tuple[str, str]:
    """A file's name without its ending, and the ending with its dot in lower case; '' where it has none."""
    stem, dot, ending = name.rpartition(".")
    if not dot or "/" in ending or not ending or not stem or stem.endswith("/"):
        return name, ""
    return stem, f".{ending.lower()}"


def prefix_of(folder: Path) -> str:
    """The folder as the beginning of a path: with its `/`, or empty for the current folder."""
    return str(folder / "x")[:-1]


def odd_path(path: str) -> bool:
    """Whether pathlib would write a path in another way: files are told apart by their paths."""
    return "//" in path or "/./" in path or path.startswith("./") or path.endswith(("/", "/."))


def some(names: Sequence[str]) -> str:
    """The first three of many names in one line."""
    return ", ".join(map(printable, names[:3])) + (", …" if len(names) > 3 else "")
