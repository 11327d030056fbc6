"""A file of queries: an id and a sentence each, every mistake told with its line."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import LaffError, problems
from pipeline.files import text_of

FORMS = 'lines `ID text`, a .csv with the header query,text, or a .jsonl of {"query": …, "text": …}'
HEADER = ["query", "text"]


def read(path: Path) -> dict[str, str]:
    """{id: sentence}, in the file's order. LaffError with all that is wrong, such as an id twice."""
    try:
        text = text_of(path)
    except UnicodeDecodeError as error:
        raise LaffError(f"{path}: is not {error.encoding.upper()} text: {error.reason} at byte {error.start}") from None
    except OSError as error:
        raise LaffError(f"{path}: cannot be read: {error.strerror}") from None
    found: dict[str, str] = {}
    first: dict[str, int] = {}
    wrong: list[str] = []
    form = {".csv": _csv, ".jsonl": _jsonl}.get(path.suffix.lower(), _lines)
    for number, id_, sentence in form(text):
        if not id_:
            wrong.append(f"line {number}: {sentence}")
        elif id_.split() != [id_]:
            wrong.append(f"line {number}: the id {id_!r} holds white space, which a run file cannot")
        elif id_ in found:
            wrong.append(f"line {number}: the id '{id_}' stands again; first in line {first[id_]}")
        elif not sentence.strip():
            wrong.append(f"line {number}: the query '{id_}' has no text")
        else:
            found[id_] = " ".join(sentence.split())
        first.setdefault(id_, number)
    if wrong:
        raise problems(str(path), wrong)
    if not found:
        raise LaffError(f"{path}: holds no query; it should have {FORMS}")
    return found


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """(line number, id, sentence); no id: what is wrong."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            id_, *rest = line.split(maxsplit=1)
            yield number, id_, rest[0] if rest else ""


def _csv(text: str) -> Iterator[tuple[int, str, str]]:
    rows = csv.reader(io.StringIO(text), strict=True)
    try:
        for row in rows:
            if rows.line_num == 1:
                if [cell.strip() for cell in row] != HEADER:
                    yield 1, "", f"should be {','.join(HEADER)}, not {','.join(row)[:60]!r}"
                    return
            elif row and len(row) != len(HEADER):
                yield rows.line_num, "", f"has {len(row)} columns instead of 2 (put a text with commas into quotes)"
            elif row:
                yield rows.line_num, row[0].strip() or "", row[1] if row[0].strip() else "has no id"
    except csv.Error as error:
        yield rows.line_num, "", f"is not valid CSV: {error}"


def _jsonl(text: str) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            id_, sentence = row["query"], row["text"]
        except (ValueError, KeyError, TypeError, RecursionError):
            id_, sentence = "", None
        if not isinstance(id_, str) or not id_ or not isinstance(sentence, str):
            yield number, "", 'should be {"query": …, "text": …}, both texts'
        else:
            yield number, id_, sentence
