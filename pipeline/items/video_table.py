"""Tables of videos: an id and a path each, as CSV with the header `video,path` or as JSONL."""

import json
from collections.abc import Iterator
from pathlib import Path

from pipeline import ids
from pipeline.items.lists import Found, csv_rows, text_lines
from pipeline.items.video_files import odd_path, prefix_of

COLUMNS = ["video", "path"]


def read(table: Path, found: Found) -> dict[str, str]:
    """{id: path} of a table, in its order; paths are relative to it. Mistakes are noted and left out."""
    known: dict[str, str] = {}
    prefix = prefix_of(table.parent)
    rows = _jsonl(table, found) if table.suffix.lower() == ".jsonl" else _csv(table, found)
    for number, video, path in rows:
        if wrong := ids.wrong(video):
            found.add(table, number, wrong)
        elif video in known:
            found.add(table, number, f"video '{video}' stands again")
        elif "\0" in path or not path:
            found.add(table, number, f"video '{video}': {path!r} is no path of a file")
        else:
            plain = path if path.startswith("/") else f"{prefix}{path}"
            known[video] = str(Path(plain)) if odd_path(plain) else plain
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
