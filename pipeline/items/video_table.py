"""Tables of videos: an id and a path each, as CSV with the header `video,path` or as JSONL; with bounds, of windows.

`start` and `end` are seconds, or h:mm:ss. A row has both or none: one without is a whole video.
"""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline import ids
from pipeline.errors import Problems
from pipeline.items.lists import csv_rows, text_lines
from pipeline.items.video_files import odd_path, prefix_of
from pipeline.items.windows import Window, seconds_of

COLUMNS = ["video", "path"]
BOUNDS = ["start", "end"]
FORM = 'should be {"video": …, "path": …}, both texts, or with "start" and "end" in seconds too'


@dataclass
class Table:
    """What a table lists, in its order."""

    files: dict[str, str] = field(default_factory=dict)  # id -> path
    windows: dict[str, Window] = field(default_factory=dict)  # of the ids that are parts of their files


def read(table: Path, problems: Problems) -> Table:
    """The rows of a table; paths are relative to it. Mistakes are noted and left out."""
    known, lines = Table(), dict[str, int]()
    prefix = prefix_of(table.parent)
    entries = _jsonl(table, problems) if table.suffix.lower() == ".jsonl" else _csv(table, problems)
    for number, video, path, bounds in entries:
        if wrong := ids.wrong(video):
            problems.add(wrong, table, number)
        elif video in lines:
            problems.add(f"video '{video}' stands again; first in line {lines[video]}", table, number)
        elif "\0" in path or not path:
            problems.add(f"video '{video}': {path!r} is no path of a file", table, number)
        elif bounds and any(bounds) and (wrong := _add_window(known, video, bounds)):
            problems.add(f"window '{video}' {wrong}", table, number)
        else:
            plain = path if path.startswith("/") else f"{prefix}{path}"
            known.files[video] = str(Path(plain)) if odd_path(plain) else plain
        lines.setdefault(video, number)
    return known


def _add_window(known: Table, video: str, bounds: list[str]) -> str:
    """Add the window of a row with bounds. Returns what is wrong with them, or ''."""
    start, end = map(seconds_of, bounds)
    if not all(bounds):
        return (
            f"has {'a start and no end' if bounds[0] else 'an end and no start'}; give both, or none for a whole video"
        )
    if start is None or end is None:
        text = bounds[0] if start is None else bounds[1]
        return f"has the bound {text!r}; it should be seconds, such as 12.5, or h:mm:ss, and not below 0"
    window = Window(start, end)
    if not window.wrong:
        known.windows[video] = window
    return window.wrong


def _csv(table: Path, problems: Problems) -> Iterator[tuple[int, str, str, list[str]]]:
    rows = csv_rows(table, problems)
    number, header = next(rows, (1, []))
    columns = [cell.strip() for cell in header]
    if columns not in (COLUMNS, COLUMNS + BOUNDS):
        problems.add(
            f"the first line should be 'video,path' or 'video,path,start,end', not {_shown(header)}", table, number
        )
        return
    bounds: list[str] = []
    for number, row in rows:
        if len(row) == len(columns):
            if len(row) > len(COLUMNS):
                bounds = [cell.strip() for cell in row[2:]]
            yield number, ids.clean(row[0]), row[1].strip(), bounds
        else:
            problems.add(f"has {len(row)} columns instead of {len(columns)}", table, number)


def _shown(header: list[str]) -> str:
    return repr(",".join(header)[:60])


def _jsonl(table: Path, problems: Problems) -> Iterator[tuple[int, str, str, list[str]]]:
    for number, line in text_lines(table, problems):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if (
            isinstance(row, dict)
            and set(COLUMNS) <= row.keys() <= {*COLUMNS, *BOUNDS}
            and all(isinstance(row[key], str) for key in COLUMNS)
            and all(_is_bound(row.get(key)) for key in BOUNDS)
        ):
            yield number, ids.clean(row["video"]), row["path"], [_bound(row.get(key)) for key in BOUNDS]
        else:
            problems.add(FORM, table, number)


def _bound(value: Any) -> str:
    return "" if value is None else f"{value:.9f}" if isinstance(value, float) else str(value)


def _is_bound(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
