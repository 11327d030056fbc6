"""A prepared data set written as a folder: collection.yaml, and the lists, captions and queries that it names."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from pipeline import files, ids
from pipeline.errors import LaffError
from pipeline.items.video_files import VIDEO, some, stem_and_ending
from pipeline.protocols.finding import Files
from pipeline.protocols.prepared import SPLITS, Prepared

COLLECTION = "collection.yaml"
TABLE = "videos.csv"
MISSING = "missing.txt"  # the videos without a file
NAMES = (  # all files that a prepared collection may have
    *(f"{split}{kind}.txt" for split in SPLITS for kind in ("", ".captions")),
    *("queries.txt", TABLE, MISSING, COLLECTION),
)
MARK = "# Made by `laff prepare`"  # how a collection.yaml begins that may be replaced
UNFINISHED = f"{MARK}, which was stopped. Run it again. It writes and removes "


def texts(
    prepared: Prepared, name: str, protocol: str, video_files: Files | None, head: list[str], out: Path
) -> dict[str, str]:
    """{name of a file: its content}, the collection.yaml last.

    name: of the collection. protocol: its name for others, or ''. video_files: of the videos; None where features
    are imported. head: comments, a line each. out: the folder, from which paths may be relative.
    """
    contents: dict[str, str] = {}
    described: dict[str, Any] = {"name": name}
    if protocol:
        described["protocol"] = protocol
    if video_files:
        described["videos"] = _videos(prepared, video_files, out, contents)
        if video_files.missing:
            contents[MISSING] = "".join(f"{ids.encoded(video)}\n" for video in video_files.missing)
    described |= prepared.keys
    for split in SPLITS:
        if split == "val" and prepared.val_is_test:
            described["val"] = "test"
        elif prepared.ids[split]:
            described[split] = _split(split, prepared, contents)
    comments = "".join(f"# {line}\n" if line else "#\n" for line in head)
    dumped = yaml.safe_dump(described, sort_keys=False, allow_unicode=True, default_flow_style=None, width=1000)
    contents[COLLECTION] = f"{MARK}\n{comments}{dumped}"
    return contents


def _split(split: str, prepared: Prepared, contents: dict[str, str]) -> dict[str, str]:
    """The entry of a split; adds its files to `contents`."""
    entry = {"ids": f"{split}.txt"}
    contents[entry["ids"]] = "".join(f"{ids.encoded(video)}\n" for video in prepared.ids[split])
    if captions := prepared.captions[split]:
        entry["captions"] = f"{split}.captions.txt"
        known = {video: ids.encoded_before_hash(video) for video in prepared.ids[split]}
        contents[entry["captions"]] = "".join(
            f"{known[video]}#{number} {text}\n" for video, number, text, _ in captions
        )
    if split == "test" and prepared.queries:
        entry["queries"] = "queries.txt"
        contents[entry["queries"]] = "".join(f"{ids.encoded(id_)} {text}\n" for id_, text in prepared.queries)
    return entry


def _videos(prepared: Prepared, video_files: Files, out: Path, contents: dict[str, str]) -> str:
    """What `videos:` says: the folder, or a table where ids are not the names of files or are parts of them."""
    place, here = video_files.folder.resolve(), out.resolve()
    if video_files.direct and not prepared.spans:
        return (place.relative_to(here).as_posix() or ".") if place.is_relative_to(here) else str(place)
    written = io.StringIO()
    table = csv.writer(written, lineterminator="\n")
    table.writerow(["video", "path", "start", "end"] if prepared.spans else ["video", "path"])
    for video in (video for split in SPLITS for video in prepared.ids[split]):
        path = str(place / video_files.paths.get(video, _expected(prepared, video)))
        span = [f"{second:g}" for second in prepared.spans[video]] if video in prepared.spans else ["", ""]
        table.writerow([video, path, *(span if prepared.spans else ())])
    contents[TABLE] = written.getvalue()
    return TABLE


def _expected(prepared: Prepared, item: str) -> str:
    """The file that a video without one should have: by the name in the annotations, if that has an ending."""
    names = (name for name in prepared.files.get(item, ()) if stem_and_ending(name)[1] in VIDEO)
    return next(names, f"{prepared.video(item)}.mp4")


def write(folder: Path, contents: Mapping[str, str], replace: bool) -> str:
    """Write the files, the collection.yaml last -> what was done, in words.

    Nothing is written where all is there already. LaffError where the folder has other files of these names, which no
    collection of `laff prepare` has there, and, unless `replace`, where it has another collection; which videos are
    missing may change.
    """
    if folder.exists() and not folder.is_dir():
        raise LaffError(f"{folder} is no folder; name another one for the collection")
    old = {name: _content(folder / name) for name in contents}
    table = _content(folder / COLLECTION)
    mine = table.startswith(MARK)
    if table.startswith(UNFINISHED):
        old[COLLECTION], named = "", table
    else:
        named = "".join(line for line in table.splitlines() if not line.startswith("#"))
    written = [name for name in NAMES if mine and (name in (COLLECTION, MISSING) or name in named)]
    gone = [name for name in written if name not in contents and (folder / name).is_file()]
    other = [name for name, text in old.items() if text and text != contents[name]] + gone
    if not other and all(old[name] == text for name, text in contents.items()):
        return f"{folder / COLLECTION} is up to date already"
    if theirs := [name for name in other if name not in written]:
        raise LaffError(
            f"{folder} holds files of the same names ({some(sorted(theirs))}) that `laff prepare` did not write; move "
            "them away, or name another folder"
        )
    later = {MISSING, TABLE}.issuperset(other)  # more of the videos are there now
    if other and not later and not replace:
        raise LaffError(
            f"{folder} holds an earlier collection that differs ({some(sorted(other))}); --yes replaces it, or name "
            "another folder"
        )
    # A kill from here on leaves no collection of mixed files, and says whose they are.
    files.write_text(folder / COLLECTION, f"{UNFINISHED}{', '.join(sorted({*contents, *gone}))}.\n")
    for name in gone:
        (folder / name).unlink()
    for name, text in contents.items():
        files.write_text(folder / name, text)
    return f"wrote {folder / COLLECTION}" + (f", in place of the earlier one ({some(sorted(other))})" if other else "")


def _content(path: Path) -> str:
    """What a file holds now; '' where there is none, and something where it is no text."""
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
