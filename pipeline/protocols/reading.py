"""Readers of annotation files: text, JSON, tables, id lists, captions. Each mistake is noted with its file and line."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline import ids
from pipeline.errors import Problems
from pipeline.files import text_of
from pipeline.items.lists import NUMBER
from pipeline.protocols.prepared import Caption

DELIMITERS = ("\t", ",", ";")
CUT = "ends in the middle, as a download that was cut off does; fetch it again"


class _Twice(ValueError):
    """A key of a JSON object that stands twice; its text is the key."""


def text(path: Path, problems: Problems) -> str:
    """The text of a file, UTF-8 or UTF-16, with any kind of line ends; '' and a problem where it is no text."""
    try:
        return text_of(path)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        odd = error.object[error.start : error.start + 1]
        problems.add(
            f"is not {error.encoding.upper()} text: byte 0x{odd.hex()} ({error.reason}); save it as UTF-8, say "
            f"by `iconv -f LATIN1 -t UTF-8 {path.name}`",
            path,
            line,
        )
    except OSError as error:
        problems.add(f"cannot be read: {error.strerror}", path)
    return ""


def lines(path: Path, problems: Problems) -> Iterator[tuple[int, str]]:
    """(line number, text without white space around it) of each line that is not blank."""
    for number, line in enumerate(text(path, problems).split("\n"), 1):
        if stripped := line.strip():
            yield number, stripped


def json_of(path: Path, problems: Problems) -> Any:
    """The content of a JSON file; None, and a problem, where it is none, was cut off or has a key twice."""
    before = len(problems)
    content = text(path, problems)
    if len(problems) > before:
        return None
    try:
        return json.loads(content, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        end = content.rstrip()
        cut = error.pos >= len(end) or error.msg.startswith("Unterminated") or end[-1:] not in ("}", "]")
        what = CUT if end and cut else not_json(error) if end else "is empty"
        problems.add(what, path, error.lineno if end else 0)
    except _Twice as error:
        problems.add(f"'{error}' stands twice; remove one of the two", path)
    except ValueError as error:
        problems.add(not_json(error), path)
    except RecursionError:
        problems.add("is not JSON that a data set has: it is nested too deeply", path)
    return None


def not_json(error: ValueError) -> str:
    """What is wrong with a text of JSON, in words."""
    if not isinstance(error, json.JSONDecodeError):
        return "is not JSON: it has a number of too many digits"
    return f"is not JSON: {error.msg.removesuffix(' at')} at column {error.colno}"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; _Twice where a key stands twice, of which json would keep the last in silence."""
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Twice(next(key for key in keys if keys.count(key) > 1))
    return content


def cells(line: str) -> list[str]:
    """The cells of a table's header, without white space around them."""
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter(line)), [])]


def delimiter(line: str) -> str:
    """What separates the cells of a header: a tab, a comma or a semicolon, whichever stands there most often."""
    return max(DELIMITERS, key=lambda character: (line.count(character), character == ","))


def table(path: Path, problems: Problems) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, {column: cell}) of each row below the header; a row of another width is a problem."""
    content = text(path, problems)
    first = next((line for line in content.split("\n") if line.strip()), "")
    header = cells(first)
    rows = csv.reader(io.StringIO(content), delimiter=delimiter(first), strict=True)
    start = 1
    try:
        for row in rows:
            number, start = start, rows.line_num + 1
            if not any(cell.strip() for cell in row) or [cell.strip() for cell in row] == header:
                continue
            if len(row) == len(header):
                yield number, dict(zip(header, row, strict=True))
            else:
                problems.add(
                    f"has {len(row)} columns instead of {len(header)} ({', '.join(header)}); a text that holds the "
                    "separator needs quotes around it",
                    path,
                    number,
                )
    except csv.Error as error:
        problems.add(f"is not valid CSV: {error}; look for a quote that is not closed", path, start)


def id_list(path: Path, problems: Problems) -> dict[str, int]:
    """{id: its line} of a file with one id a line; an id twice, and a line with more than an id, are problems."""
    line_of: dict[str, int] = {}
    for number, line in lines(path, problems):
        if len(line.split()) > 1:
            problems.add(f"should be one id a line, not {line[:60]!r}", path, number)
        else:
            add_id(line_of, line, path, number, problems)
    return line_of


def add_id(known: dict[str, int], text_: str, path: Path, line: int, problems: Problems) -> None:
    """Add an id to {id: line}; a problem where it is no id or stands there already."""
    id_ = ids.clean(text_)
    if wrong := ids.wrong(id_):
        problems.add(wrong, path, line)
    elif id_ in known:
        problems.add(f"video '{id_}' stands again; first in line {known[id_]}: remove one of the two", path, line)
    else:
        known[id_] = line


def column(path: Path, name: str, problems: Problems) -> dict[str, int]:
    """{id: its line} of a table's column of ids; an id twice is a problem."""
    line_of: dict[str, int] = {}
    for number, row in table(path, problems):
        add_id(line_of, row[name], path, number, problems)
    return line_of


def captions(path: Path, problems: Problems) -> list[Caption]:
    """The captions of lines `VIDEO#n text`, where VisualSearch also writes `VIDEO#enc#n`; a tab may be the blank."""
    result: list[Caption] = []
    for number, line in lines(path, problems):
        id_, *rest = line.split(maxsplit=1)
        video, hash_, count = id_.partition("#")
        count = count.rpartition("#")[2]
        if not video or not hash_ or not NUMBER.fullmatch(count):
            problems.add(f"should be `VIDEO#n text`, not {line[:60]!r}", path, number)
        else:
            result.append(Caption(ids.clean(video), count, rest[0] if rest else "", number))
    return result


def texts_of(value: Any) -> Sequence[str] | None:
    """A list of texts in JSON; None for anything else."""
    return value if isinstance(value, list) and all(isinstance(item, str) for item in value) else None
