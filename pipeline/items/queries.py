"""Files of queries without a known answer, such as the topics of TRECVID's ad-hoc video search: an id and a text each.

The ending says the form: `.csv` with the header `query,text`, `.jsonl` with `{"query": …, "text": …}`, else lines
`ID text`, where white space and % of an id are percent-encoded.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from pipeline import ids
from pipeline.errors import problems
from pipeline.items.lists import NO_TEXT, Caption, Captions, Found, csv_rows, text_lines

FORM = 'should be {"query": …, "text": …}, both texts'


def load(file: Path) -> list[tuple[str, str]]:
    """(id, text) of each query of a file, in its order; one LaffError lists every mistake, with its line."""
    mistakes = Found()
    queries = [(query.id, query.text) for query in read_queries(file, mistakes)]
    if not queries and not mistakes.lines:
        mistakes.add(file, 0, "lists no query")
    if mistakes.lines:
        raise problems(str(file), mistakes.lines)
    return queries


def read_queries(file: Path, found: Found) -> Captions:
    """The queries of a file, as captions of no video; mistakes noted and left out."""
    queries, lines = Captions(), dict[str, int]()
    for number, id_, text in _rows(file, found):
        if wrong := ids.wrong(id_):
            found.add(file, number, wrong)
        elif id_ in lines:
            found.add(file, number, f"query '{id_}' stands again; first in line {lines[id_]}")
        elif not text.strip():
            found.add(file, number, f"query '{id_}' has no text; a line is an id, white space, and what is asked")
        elif odd := NO_TEXT.search(text):
            found.add(file, number, f"query '{id_}' has the character {odd.group()!r}, which is no text")
        else:
            queries.add(Caption(id_, "", " ".join(text.split())))
        lines.setdefault(id_, number)
    return queries


def _rows(file: Path, found: Found) -> Iterator[tuple[int, str, str]]:
    """(line number, id, text) as they stand in the file, none of them checked."""
    return {".csv": _from_csv, ".jsonl": _from_jsonl}.get(file.suffix.lower(), _from_text)(file, found)


def _from_text(file: Path, found: Found) -> Iterator[tuple[int, str, str]]:
    for number, line in text_lines(file, found):
        id_, text = [*line.split(maxsplit=1), ""][:2]
        yield number, ids.decoded(id_), text


def _from_csv(file: Path, found: Found) -> Iterator[tuple[int, str, str]]:
    rows = csv_rows(file, found)
    _, header = next(rows, (1, []))
    if [cell.strip() for cell in header] != ["query", "text"]:
        found.add(file, 1, f"the first line should be 'query,text', not {','.join(header)[:60]!r}")
        return
    for number, row in rows:
        if len(row) == 2:
            yield number, ids.clean(row[0]), row[1]
        else:
            found.add(file, number, f"has {len(row)} columns instead of 2 (put a text with commas into quotes)")


def _from_jsonl(file: Path, found: Found) -> Iterator[tuple[int, str, str]]:
    for number, line in text_lines(file, found):
        try:
            row = json.loads(line)
            id_, text = row["query"], row["text"]
        except (ValueError, KeyError, TypeError, RecursionError):
            found.add(file, number, FORM)
            continue
        if isinstance(id_, int) and not isinstance(id_, bool):
            id_ = str(id_)  # topics are often numbers
        if isinstance(id_, str) and isinstance(text, str):
            yield number, ids.clean(id_), text
        else:
            found.add(file, number, FORM)
